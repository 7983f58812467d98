"""Checks of the exercise ``data``."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ca2_core.course.exercise import expect
from ca2_core.course.student import Student
from ca2_core.course.values import as_array
from ca2_gan.course.letters import EMPTY_GREY, Bytes, Letters, draw_letters
from ca2_gan.data.glyphs import draw_glyphs

SEED = 31
SHAPES = "FM"  # letters whose capitals and small letters differ in pixels enough to be told apart
AGREEMENT = 0.7
HELD_OUT = 1 / 7


def has_the_form(student: Student) -> None:
    """`read_letters` returns images, uint8 [N, 28, 28], and labels, int64 [N], of 0 to 25."""
    images, labels, _ = student.once(_read)
    expect(images.dtype == np.uint8, f"the images have the dtype {images.dtype}: pixels from 0 to 255 are bytes, uint8.")
    expect(labels.dtype == np.int64, f"the labels have the dtype {labels.dtype}, where int64 is needed.")
    letters = labels[images.reshape(len(images), -1).std(axis=1) > 0]
    expect(
        len(letters) and letters.max() <= 25 and letters.min() >= 0, f"labels go from {labels.min()} to {labels.max()}: A is 0, Z is 25."
    )


def reads_every_row(student: Student) -> None:
    """No letter is lost, the first row included."""
    images, _, truth = student.once(_read)
    found = {placed for image in images for placed in _placements(image)}
    lost = [i for i, image in enumerate(truth.images) if image.tobytes() not in found]
    none = "none of the file's letters is among the images, however they are turned. Is the column of the labels taken for a pixel?"
    expect(len(lost) < len(truth.images), none)
    header = "The file has no header, but its first row was taken for one. In pandas: read_csv(path, header=None)."
    expect(0 not in lost, f"the image of the first row is missing. {header}")
    first = f", the first an {chr(65 + truth.labels[lost[0]])}" if lost else ""
    expect(not lost, f"{len(lost)} of {len(truth.images)} letters are missing{first}.")


def drops_junk(student: Student) -> None:
    """Rows labelled -1 and images of one grey level are left out."""
    images, labels, _ = student.once(_read)
    flat = images.reshape(len(images), -1).astype(np.int64)
    constant = flat.min(axis=1) == flat.max(axis=1)
    empty = constant & (flat[:, 0] == EMPTY_GREY)
    why = "A GAN would learn to make grey squares."
    expect(not (constant & ~empty).any(), f"{(constant & ~empty).sum()} rows labelled -1 are still there. {why}")
    named = ", ".join(sorted({chr(65 + label) for label in labels[empty] if 0 <= label < 26}))
    expect(
        not empty.any(),
        f"{empty.sum()} images of one grey level are still there, labelled {named}. They are not letters. {why}",
    )


def sets_upright(student: Student) -> None:
    """The letters stand upright."""
    images, _, truth = student.once(_read)
    right = {image.tobytes() for image in truth.images}
    upright = sum(image.tobytes() in right for image in images)
    lying = sum(image.T.tobytes() in right for image in images)
    cause = "The file has the pixels column by column: after reshape(-1, 28, 28), swap rows and columns."
    expect(upright >= lying, f"the letters are mirrored and lie on their side. {cause}")
    turned = max(sum(np.rot90(image, k).tobytes() in right for image in images) for k in (1, 2, 3))
    mirrored = max(sum(np.flip(image, axis).tobytes() in right for image in images) for axis in (0, 1))
    expect(upright >= max(turned, mirrored), f"the letters are turned or mirrored. {cause}")
    expect(upright, "none of the images is a letter of the file.")


def keeps_labels_and_images_together(student: Student) -> None:
    """Each image has its own label."""
    images, labels, truth = student.once(_read)
    own = {image.tobytes(): label for image, label in zip(truth.images, truth.labels, strict=True)}
    known = []
    for image, label in zip(images, labels, strict=True):
        known += [(own[placed], label) for placed in _placements(image) if placed in own][:1]
    expect(known, "none of the images is a letter of the file.")
    wrong = [(truly, label) for truly, label in known if truly != label]
    off_by_one = len(wrong) == len(known) and len({int(label) - int(truly) for truly, label in wrong}) == 1
    expect(not off_by_one, "the labels are shifted: the file counts from 1, A is to be 0.")
    drift = "Leave out the same rows of images and labels, by one mask."
    expect(not wrong, f"{len(wrong)} of {len(known)} images have the label of another image. {drift}")


def holds_out_new_images(student: Student) -> None:
    """`split` holds out about a seventh, of all classes, and no image that is in the training part."""
    truth = draw_letters(1300, SEED + 1)
    call = "split(images, labels, seed)"
    found = as_array(student["split"](truth.images.copy(), truth.labels.copy(), 0), call, (len(truth.images),))
    expect(found.dtype == bool, f"{call} has the dtype {found.dtype}, where bool is needed.")
    share = float(found.mean())
    expect(abs(share - HELD_OUT) < 0.05, f"{share:.0%} of the images are held out, where a seventh, 14 %, is to be.")
    absent = sorted(set(truth.labels.tolist()) - set(truth.labels[found].tolist()))
    in_order = "The file is sorted by class: choose at random."
    expect(not absent, f"no {chr(65 + absent[0]) if absent else ''} is held out. {in_order}")
    train = {image.tobytes() for image in truth.images[~found]}
    copies = sum(image.tobytes() in train for image in truth.images[found])
    why = "The file has copies. A model that memorises images would look good: put equal images into the same part."
    expect(copies == 0, f"{copies} of {found.sum()} held-out images are in the training part, too. {why}")
    other = as_array(student["split"](truth.images.copy(), truth.labels.copy(), 1), call, (len(truth.images),))
    expect((other != found).any(), "another seed holds out the same images.")


def parts_two_shapes(student: Student) -> None:
    """`two_shapes` separates capitals from small letters where they look different."""
    images, labels, hand = draw_glyphs(26 * 100, SEED)
    for letter in SHAPES:
        chosen = labels == ord(letter) - 65
        call = f"two_shapes(images of {letter} and {letter.lower()})"
        found = as_array(student["two_shapes"](images[chosen].copy()), call, (int(chosen.sum()),)).astype(bool)
        agreement = _agreement(found, hand["upper"][chosen])
        why = "A generator may make something between both cases. k-means on the pixels, with two groups, separates them."
        expect(0 < found.mean() < 1, f"{call} puts all images into one group. {why}")
        expect(
            agreement >= AGREEMENT, f"{call}: {agreement:.0%} of the images are in their case's group; {AGREEMENT:.0%} are needed. {why}"
        )


def _read(student: Student) -> tuple[Bytes, NDArray[np.int64], Letters]:
    """What `read_letters` returns for a file, and the letters in that file."""
    truth = draw_letters(seed=SEED)
    with TemporaryDirectory() as folder:
        path = Path(folder, "letters.csv")
        np.savetxt(path, truth.rows, fmt="%d", delimiter=",")
        result = student["read_letters"](path)
    expect(isinstance(result, tuple | list) and len(result) == 2, "read_letters(path) has to return two arrays: images, labels.")
    images = as_array(result[0], "the first that read_letters(path) returns", (None, 28, 28))
    return images, as_array(result[1], "the second that read_letters(path) returns", (len(images),)), truth


def _placements(image: Bytes) -> list[bytes]:
    """The image as it is, then turned and mirrored in all ways."""
    return [np.rot90(side, k).astype(np.uint8).tobytes() for side in (image, image.T) for k in range(4)]


def _agreement(groups: NDArray[np.bool_], upper: NDArray[np.bool_]) -> float:
    """Share of the images that are in their case's group, whichever group that is."""
    return float(max((groups == upper).mean(), (groups != upper).mean()))


CHECKS = (
    has_the_form,
    reads_every_row,
    drops_junk,
    sets_upright,
    keeps_labels_and_images_together,
    holds_out_new_images,
    parts_two_shapes,
)
