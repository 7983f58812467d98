"""From what a file holds to what a GAN can learn from: every step explicit and counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.data.dataset import Dataset, digest_images
from ca2_gan.data.report import Report

BLANK = -1
# Images moved at once: large files are cleaned in place
CHUNK = 16_384


@dataclass
class Raw:
    """What a source holds. Cleaning takes the arrays over and writes into them.

    :param source: its name, for messages
    :param images: uint8 [N, H, W] or [N, C, H, W]
    :param labels: int64 [N] as in the source, -1 for blank ones; None if it has none
    :param names: name of each label, if the source knows
    :param transposed: whether the source is known to swap rows and columns
    """

    source: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    names: Mapping[int, str] | None = None
    transposed: bool = False
    notes: tuple[str, ...] = ()


def clean(raw: Raw, *, classes: Sequence[str] | None = None, transpose: bool | None = None) -> Dataset:
    """Drops what is blank, sets the images upright, numbers the classes 0..K-1, counts duplicates.

    :param classes: names of the classes to keep; None keeps all
    :param transpose: whether to swap rows and columns; None leaves it to what is known of the source
    :raises UserError: if nothing usable is left, or a class is unknown
    """
    images, labels = _check(raw)
    names = _name_labels(raw, labels)
    counted = len(images)
    blank = _is_blank(images)
    labelled_blank = blank & (labels == BLANK)
    unlabelled = ~blank & (labels == BLANK)
    kept = ~blank & (labels != BLANK)
    if not kept.any():
        raise UserError(f"{raw.source}: no image left: all {counted:,} are blank or labelled -1.")
    in_source = [int(label) for label in np.unique(labels[kept])]
    wanted = in_source if classes is None else _find_classes(raw.source, classes, {label: names[label] for label in in_source})
    other = kept & ~np.isin(labels, wanted)
    kept &= ~other

    images, labels = _compact(images, kept), labels[kept]
    transposed, because = _orientation(raw, transpose)
    if transposed:
        _transpose(images, raw.source)
    digests = digest_images(images)
    new_labels = {label: i for i, label in enumerate(wanted)}
    labels = np.searchsorted(wanted, labels).astype(np.int64)
    duplicates, conflicting = _count_duplicates(digests, labels)
    class_names = tuple(names[label] for label in wanted)
    report = Report(
        source=raw.source,
        rows=counted,
        blanks=int(blank.sum()),
        blanks_unlabelled=int(labelled_blank.sum()),
        unlabelled=int(unlabelled.sum()),
        other_classes=int(other.sum()),
        duplicates=duplicates,
        conflicting=conflicting,
        transposed=transposed,
        transposed_because=because,
        labels=new_labels,
        class_names=class_names,
        counts=tuple(int(count) for count in np.bincount(labels, minlength=len(wanted))),
        image_shape=(images.shape[1], images.shape[2], images.shape[3]),
        notes=raw.notes,
    )
    return Dataset(images, labels, class_names, digests, report)


def _check(raw: Raw) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images [N, C, H, W] that may be written to, and labels [N]."""
    if len(raw.images) == 0:
        raise UserError(f"{raw.source}: no images in it.")
    labels = np.zeros(len(raw.images), dtype=np.int64) if raw.labels is None else raw.labels
    if len(labels) != len(raw.images):
        raise UserError(f"{raw.source}: {len(raw.images):,} images but {len(labels):,} labels.")
    if labels.min() < BLANK:
        row = int((labels < BLANK).argmax())
        raise UserError(f"{raw.source}: image {row + 1:,} is labelled {labels[row]}. Labels are 0 and up, or -1 for a blank image.")
    images = raw.images if raw.images.ndim == 4 else raw.images[:, None]
    return np.require(images, dtype=np.uint8, requirements=["C", "W"]), labels


def _name_labels(raw: Raw, labels: NDArray[np.int64]) -> dict[int, str]:
    """Names by label: the source's own; letters where the labels can only be letters; else the number."""
    known = [int(label) for label in np.unique(labels) if label != BLANK]
    if raw.labels is None:
        return dict.fromkeys(known, "all")
    if raw.names is not None:
        return {label: raw.names.get(label, str(label)) for label in known}
    if known and known[0] >= 1 and 10 < known[-1] <= 26:  # EMNIST letters count from 1
        return {label: ascii_uppercase[label - 1] for label in known}
    if known == list(range(26)):
        return dict(enumerate(ascii_uppercase))
    return {label: str(label) for label in known}


def _find_classes(source: str, classes: Sequence[str], names: Mapping[int, str]) -> list[int]:
    by_name = {name: label for label, name in names.items()}
    for name in classes:
        if name not in by_name:
            raise UserError(f"{source}: no class {name!r} in it.{did_you_mean(name, by_name)} It has {' '.join(by_name)}.")
    return sorted(by_name[name] for name in set(classes))


def _is_blank(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images are of one value all over: [N]."""
    blank = np.empty(len(images), dtype=bool)
    for i in range(0, len(images), CHUNK):
        pixels = images[i : i + CHUNK].reshape(len(images[i : i + CHUNK]), -1)
        blank[i : i + CHUNK] = (pixels == pixels[:, :1]).all(axis=1)
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


def _count_duplicates(digests: NDArray[np.uint64], labels: NDArray[np.int64]) -> tuple[int, int]:
    """Copies after the first, and those of them labelled otherwise than the first."""
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    return len(digests) - len(first), int((labels != labels[first][inverse]).sum())
