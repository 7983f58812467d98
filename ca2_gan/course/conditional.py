"""Checks of the exercise ``conditional``."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ca2_core.course.exercise import expect
from ca2_core.course.student import Student
from ca2_core.course.values import as_array
from ca2_gan.data import Dataset, load_data
from ca2_gan.metrics.classifier import reference_classifier
from ca2_gan.metrics.diversity import near_duplicates, spread
from ca2_gan.metrics.extractors import Module, Seen
from ca2_gan.metrics.frechet import frechet_distance, moments
from ca2_gan.metrics.neighbours import is_copy, nearest

LETTERS = "ACEHS"
SEED, SAMPLE_SEED = 0, 5
ACCURACY, FCD = 0.6, 250.0  # the solution has 0.8 and about 100
LEAST_SPREAD, MOST_DUPLICATES = 0.25, 0.2  # the solution has 0.5 or more, and 0

Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Letters:
    """Glyphs of the letters of the exercise.

    :param images: uint8 [N, 28, 28]
    :param labels: position in ``LETTERS``, int64 [N]
    """

    images: Bytes
    labels: Labels


def letters() -> tuple[Letters, Letters]:
    """A training part and a held-out part."""
    data = _glyphs()
    return _of(data.train), _of(data.test)


def returns_images(student: Student) -> None:
    """`sample` returns an image for each label, uint8 [N, 28, 28], light on dark."""
    images = student.once(_made).images
    border = np.concatenate([images[:, 0], images[:, -1]], axis=1).mean()
    expect(
        images.max() > 100,
        f"the brightest pixel is {images.max()}: were numbers from 0 to 1 cast to bytes? The training images go up to 255.",
    )
    expect(
        border < images[:, 7:21, 7:21].mean(), "the border is lighter than the middle. From -1 to 1 means from 0 to 255: (x + 1) * 127.5."
    )


def repeats_by_seed(student: Student) -> None:
    """The same seed gives the same images, another seed others."""
    made = student.once(_made)
    again, other = (_sample(student, made.generator, made.labels, seed) for seed in (SAMPLE_SEED, SAMPLE_SEED + 1))
    expect(np.array_equal(again, made.images), "the same seed gives other images the second time. Is the generator in evaluation mode?")
    alone = _sample(student, made.generator, made.labels[:1].repeat(50), SAMPLE_SEED)
    once = "Each letter is made once, by one vector of noise or without any. A sheet with one image of each letter looks fine."
    expect(_unique(alone) > 25, f"of 50 images of one letter, {_unique(alone)} are unique. {once}")
    same = float((other == made.images).all(axis=(1, 2)).mean())
    expect(same < 0.5, f"with another seed, {same:.0%} of the images are the same. `sample` has to draw its noise by the seed.")


def obeys_its_labels(student: Student) -> None:
    """A classifier reads at least 60 % of the letters as what they should be."""
    made = student.once(_made)
    seen = student.once(_seen)
    hit = seen.fake_classes == _numbers(made.labels)
    accuracy = float(hit.mean())
    chance = 1 / len(LETTERS)
    ignored = "about what ignoring the labels would give. Both networks have to see them: otherwise wrong letters are never punished"
    expect(accuracy > 1.6 * chance or accuracy >= ACCURACY, f"{accuracy:.0%} of the letters are read right, {ignored}.")
    worst = min(range(len(LETTERS)), key=lambda label: hit[made.labels == label].mean())
    least = f"{LETTERS[worst]} is worst, with {hit[made.labels == worst].mean():.0%}"
    expect(accuracy >= ACCURACY, f"{accuracy:.0%} of the letters are read right, where {ACCURACY:.0%} are needed; {least}.")


def varies_within_a_letter(student: Student) -> None:
    """The images of one letter differ from each other, as real ones do."""
    made, seen = student.once(_made), student.once(_seen)
    why = "A sheet with one image of each letter looks fine; look at 50 images of one letter. Is the noise large enough, and used?"
    for label, letter in enumerate(LETTERS):
        real, fake = seen.real[made.labels == label], seen.fake[made.labels == label]
        share, unique = float(near_duplicates(real, fake).mean()), _unique(made.images[made.labels == label])
        counted = (
            f"{unique} of {len(fake)} images of {letter} are unique, but {share:.0%} of them lie far nearer to another than real ones do"
        )
        expect(unique > len(fake) / 2, f"{unique} of {len(fake)} images of {letter} are unique. {why}")
        expect(share <= MOST_DUPLICATES, f"{counted}: near-duplicates. {why}")
        ratio = spread(fake) / spread(real)
        given = f"the images of {letter} differ by {ratio:.0%} of what real ones do"
        expect(ratio >= LEAST_SPREAD, f"{given}, where {LEAST_SPREAD:.0%} are needed. {why}")


def makes_new_letters(student: Student) -> None:
    """The images are no copies of training images."""
    images, (train, _) = student.once(_made).images, student.once(_letters)
    fake, known = (side.reshape(len(side), -1) / np.float32(255) for side in (images, train.images))
    copied = float(is_copy(nearest(fake, known, 2)[0]).mean())
    why = "Copying the file needs no generator. Copies score well, so generators are compared with held-out images."
    expect(copied < 0.05, f"{copied:.0%} of the images are copies of training images. {why}")


def looks_like_letters(student: Student) -> None:
    """The Frechet distance of the classifier's features to held-out letters is at most 250."""
    seen = student.once(_seen)
    distance = frechet_distance(moments(seen.real), moments(seen.fake))
    given = f"it is {distance:.0f}; training images have {seen.floor:.0f}, black images some 3,600"
    expect(distance <= FCD, f"{given}. Train longer, or look at the losses: does one of the networks win by far?")


@dataclass(frozen=True)
class _Made:
    """A trained generator, and its images for the labels of the held-out letters."""

    generator: object
    labels: Labels
    images: Bytes


@dataclass(frozen=True)
class _Looked:
    """Features [N, 64] of held-out letters and of the generator's, by the classifier."""

    real: NDArray[np.float32]
    fake: NDArray[np.float32]
    fake_classes: Labels
    floor: float


def _letters(student: Student) -> tuple[Letters, Letters]:
    return letters()


def _made(student: Student) -> _Made:
    train, test = student.once(_letters)
    generator = student["train"](train.images.copy(), train.labels.copy(), len(LETTERS), SEED)
    return _Made(generator, test.labels, _sample(student, generator, test.labels, SAMPLE_SEED))


def _sample(student: Student, generator: object, labels: Labels, seed: int) -> Bytes:
    result = student["sample"](generator, labels.copy(), seed)
    return as_array(result, "sample(generator, labels, seed)", (len(labels), 28, 28), "uint8")


def _seen(student: Student) -> _Looked:
    train, test = student.once(_letters)
    classifier = reference_classifier(_glyphs().train)
    real, fake, trained = (
        _look(classifier, images) for images in (test.images, student.once(_made).images, train.images[: len(test.images)])
    )
    assert fake.classes is not None
    floor = frechet_distance(moments(real.features), moments(trained.features))
    return _Looked(real.features, fake.features, fake.classes, floor)


@cache
def _glyphs() -> Dataset:
    return load_data("glyphs")


def _look(classifier: Module, images: Bytes) -> Seen:
    return classifier.see(images[:, None])


def _of(data: Dataset) -> Letters:
    numbers = _numbers(np.arange(len(LETTERS)))
    chosen = np.isin(data.labels, numbers)
    return Letters(data.images[chosen, 0], np.searchsorted(numbers, data.labels[chosen]).astype(np.int64))


def _unique(images: Bytes) -> int:
    return len(np.unique(images.reshape(len(images), -1), axis=0))


def _numbers(labels: Labels) -> Labels:
    """Positions in the alphabet of the letters of the exercise."""
    numbers: Labels = np.array([ord(letter) - ord("A") for letter in LETTERS])[labels]
    return numbers


CHECKS = (
    returns_images,
    repeats_by_seed,
    obeys_its_labels,
    varies_within_a_letter,
    makes_new_letters,
    looks_like_letters,
)
