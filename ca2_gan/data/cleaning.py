"""Turns the content of a file into training data; every step is explicit and counted."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.data.dataset import Dataset, digest_images
from ca2_gan.data.pixels import is_light
from ca2_gan.data.raw import BLANK, Raw
from ca2_gan.data.report import Report
from ca2_gan.data.standard import CHUNK, standardise

# Attribute that is true for capitals
UPPER = "upper"


def clean(
    raw: Raw,
    *,
    classes: Sequence[str] | None = None,
    transpose: bool | None = None,
    invert: bool | None = None,
    cases: bool = False,
    keep_blanks: bool = False,
) -> Dataset:
    """Drops blank images, sets the others upright, makes ink light on dark, numbers the classes 0..K-1, counts duplicates.

    :param classes: names of the classes to keep; None keeps all
    :param transpose: whether to swap rows and columns; None swaps them in EMNIST's files only
    :param invert: whether to invert the pixel values; None inverts gray images that are dark on white
    :param cases: whether to make capitals and lower case separate classes, by the attribute ``upper``
    :param keep_blanks: whether to keep blank images (all pixels equal) unless they are labelled -1
    :raises UserError: if nothing usable is left, or a class is unknown
    """
    raw = standardise(raw)
    notes = list(raw.notes)
    images = np.require(raw.images, requirements=["C", "W"])
    labels = _check_labels(raw)
    names = _name_labels(raw, labels)
    if cases:
        labels, names = _tell_cases_apart(raw, labels, names)
    blank = _is_blank(images)
    unlabelled = labels == BLANK
    kept = ~unlabelled & (keep_blanks | ~blank)
    if not kept.any():
        raise UserError(f"{raw.source}: no image left: all {len(images):,} are blank or labelled -1.")
    in_source = [int(label) for label in np.unique(labels[kept])]
    wanted = in_source if classes is None else _find_classes(raw.source, classes, {label: names[label] for label in in_source})
    if raw.labels is None:
        notes.append("No labels: all images are of one class.")
    elif len(in_source) == 1:
        notes.append(f"All images have the label {names[in_source[0]]}: one class.")
    other = kept & ~np.isin(labels, wanted)
    kept &= ~other

    images = _compact(images, kept)
    transposed, because = _orientation(raw, transpose)
    if transposed:
        _transpose(images, raw.source)
    notes += make_light_on_dark(images, invert)
    digests, new_labels = digest_images(images), np.searchsorted(wanted, labels[kept]).astype(np.int64)
    is_test, said = _own_test(raw, kept, digests)
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)  # inverse: each image's first copy
    report = Report(
        source=raw.source,
        rows=len(kept),
        blanks=int((blank & (unlabelled | (not keep_blanks))).sum()),
        blanks_unlabelled=int((blank & unlabelled).sum()),
        unlabelled=int((~blank & unlabelled).sum()),
        other_classes=int(other.sum()),
        duplicates=len(images) - len(first),
        conflicting=int((new_labels != new_labels[first][inverse]).sum()),
        transposed=transposed,
        transposed_because=because,
        labels={label: i for i, label in enumerate(wanted)},
        class_names=tuple(names[label] for label in wanted),
        counts=tuple(np.bincount(new_labels, minlength=len(wanted)).tolist()),
        image_shape=(images.shape[1], images.shape[2], images.shape[3]),
        notes=(*notes, *said),
    )
    attributes = {name: values[kept] for name, values in raw.attributes.items()}
    return Dataset(images, new_labels, report.class_names, digests, report, is_test, attributes)


def _check_labels(raw: Raw) -> NDArray[np.int64]:
    """Labels [N], all 0 if there are none."""
    labels: NDArray[np.int64] = np.zeros(len(raw.images), dtype=np.int64) if raw.labels is None else raw.labels
    if labels.min() < BLANK:
        row = int((labels < BLANK).argmax())
        raise UserError(f"{raw.source}: image {row + 1:,} is labelled {labels[row]}. Labels are 0 and up; -1 leaves an image out.")
    return labels


def _name_labels(raw: Raw, labels: NDArray[np.int64]) -> dict[int, str]:
    """Names by label: the source's own; letters where the labels can only be letters; else the number."""
    known = [int(label) for label in np.unique(labels) if label != BLANK]
    if raw.labels is None:
        return dict.fromkeys(known, "all")
    if raw.names is not None:
        nameless = next((label for label in known if label not in raw.names), None)
        if nameless is not None:
            there = f"there are {len(raw.names):,} names, the last for {max(raw.names)}" if raw.names else "there are no names"
            raise UserError(f"{raw.source}: label {nameless} has no name; {there}.")
        return {label: raw.names[label] for label in known}
    if known and known[0] >= 1 and 10 < known[-1] <= 26:  # EMNIST letters count from 1
        return {label: ascii_uppercase[label - 1] for label in known}
    return dict(enumerate(ascii_uppercase)) if known == list(range(26)) else {label: str(label) for label in known}


def _tell_cases_apart(raw: Raw, labels: NDArray[np.int64], names: Mapping[int, str]) -> tuple[NDArray[np.int64], dict[int, str]]:
    """Labels and names of capitals, followed by those of lower case."""
    upper = raw.attributes.get(UPPER)
    if upper is None or not np.isin(upper, (0, 1)).all():
        raise UserError(
            f"{raw.source}: nothing tells which are capitals: cases needs an attribute {UPPER!r}, true or false for each image."
        )
    first = max(names) + 1
    apart = np.where((labels == BLANK) | upper.astype(bool), labels, labels + first)
    lower = {first + label: name.lower() for label, name in names.items()}
    return apart, {label: name.upper() for label, name in names.items()} | lower


def _find_classes(source: str, classes: Sequence[str], names: Mapping[int, str]) -> list[int]:
    if not classes:
        raise UserError(f"{source}: no class is asked for. It has {' '.join(names.values())}.")
    by_name = {name: label for label, name in names.items()}
    for name in classes:
        if name not in by_name:
            raise UserError(f"{source}: no class {name!r} in it.{did_you_mean(name, by_name)} It has {' '.join(by_name)}.")
    return sorted(by_name[name] for name in set(classes))


def _is_blank(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images have only equal pixels: [N]."""
    pixels = images.reshape(len(images), -1)
    blank: NDArray[np.bool_] = pixels.min(axis=1) == pixels.max(axis=1)
    return blank


def _compact(images: NDArray[np.uint8], kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The kept images, moved to the front of the same memory."""
    if kept.all():
        return images
    end = 0
    for i in range(0, len(images), CHUNK):
        chunk = images[i : i + CHUNK][kept[i : i + CHUNK]]
        images[end : end + len(chunk)] = chunk
        end += len(chunk)
    return images[:end]


def _transpose(images: NDArray[np.uint8], source: str) -> None:
    """Swaps rows and columns in place."""
    if images.shape[2] != images.shape[3]:
        raise UserError(f"{source}: images of {images.shape[2]}x{images.shape[3]} can't be transposed: they are not square.")
    for i in range(0, len(images), CHUNK):
        images[i : i + CHUNK] = images[i : i + CHUNK].swapaxes(2, 3).copy()


def _orientation(raw: Raw, transpose: bool | None) -> tuple[bool, str]:
    if transpose is not None:
        return transpose, "as asked"
    if raw.transposed:
        return True, "EMNIST's files swap rows and columns; --no-transpose leaves them so"
    return False, "nothing says it is EMNIST; --transpose swaps rows and columns"


def make_light_on_dark(images: NDArray[np.uint8], invert: bool | None = None) -> list[str]:
    """Inverts images in place if that is asked for, or if they are gray and dark on white; returns notes about it.

    :param invert: None decides by the images
    """
    note = "Inverted, as asked."
    if invert is None and is_light(images):
        if images.shape[1] > 1:
            return ["The background is light; pictures in colour stay as they are, --invert inverts them."]
        invert, note = True, "Ink is dark on white: inverted, so that the background is 0; --no-invert keeps it."
    if not invert:
        return []
    np.subtract(255, images, out=images)
    return [note]


def _own_test(raw: Raw, kept: NDArray[np.bool_], digests: NDArray[np.uint64]) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """The source's own test part among the kept images, and notes about it."""
    if raw.is_test is None:
        return None, []
    is_test: NDArray[np.bool_] = raw.is_test[kept]
    if is_test.all() or not is_test.any():
        return None, [f"Its own test part has {'all' if is_test.all() else 'none'} of the images: a seventh is held out by hash instead."]
    copies = int((np.isin(digests, digests[is_test]) & ~is_test).sum())
    also = f"; {copies:,} exact copies of them are left out of the training part" if copies else ""
    return is_test, [f"Its own test part is held out, {int(is_test.sum()):,} images{also}."]
