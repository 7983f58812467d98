"""From what was found in a source to bytes and whole numbers, the same for every format."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.labels import number_labels
from ca2_gan.data.pixels import Bytes, arrange, fill_transparent, resize_image, to_bytes
from ca2_gan.data.raw import Raw

# Images converted at once
CHUNK = 16_384


def standardise(raw: Raw, resize: tuple[int, int] | None = None) -> Raw:
    """Images as uint8 [N, C, H, W], C 1 or 3, and labels as int64 [N]. What is so already stays the same array.

    :param resize: height and width to scale the images to; None leaves them as they are
    :raises UserError: if the pixels have no scale that is known, the images differ in size, or labels are missing
    """
    if len(raw.images) == 0:
        raise UserError(f"{raw.source}: no images in it.")
    images, notes = _standard_images(raw.images, raw.source, resize)
    labels, names = raw.labels, raw.names
    if labels is not None:
        if len(labels) != len(images):
            raise UserError(f"{raw.source}: {len(images):,} images but {len(labels):,} labels.")
        labels, of_text, said = number_labels(labels, raw.source, lambda position: f"{raw.source}, image {position + 1:,}")
        names, notes = of_text or names, [*notes, *said]
    return replace(raw, images=images, labels=labels, names=names, notes=(*raw.notes, *notes))


def _standard_images(images: NDArray[Any], source: str, resize: tuple[int, int] | None) -> tuple[Bytes, list[str]]:
    is_packed = images.dtype != object
    if is_packed:
        images, arranged = arrange(images, source)
        parts = [images[i : i + CHUNK] for i in range(0, len(images), CHUNK)]
    else:
        arranged, parts = [], list(images)
    in_bytes, scaled = to_bytes(parts, source)
    opaque, filled = fill_transparent(in_bytes)
    notes = [*arranged, *scaled, *filled]
    sizes = Counter(part.shape[-2:] for part in opaque for _ in range(len(part) if is_packed else 1))
    if resize and sizes.keys() != {resize}:
        opaque = [resize_image(image, *resize) for part in opaque for image in (part if is_packed else [part])]
        is_packed = False
        notes.append(f"Resized to {resize[0]}x{resize[1]} from {_name_sizes(sizes)}.")
    elif len(sizes) > 1:
        raise UserError(f"{source}: images of different sizes, {_name_sizes(sizes)}. --resize 28 makes all of them 28x28.")
    if is_packed and all(new is old for new, old in zip(opaque, parts, strict=True)):
        return images, notes
    return (np.concatenate(opaque) if is_packed else _stack(opaque)), notes


def _stack(pictures: Sequence[Bytes]) -> Bytes:
    """Pictures [C, H, W] of one size, all in colour if one is."""
    channels = max(map(len, pictures))
    return np.stack([picture if len(picture) == channels else picture.repeat(channels, axis=0) for picture in pictures])


def _name_sizes(sizes: Counter[tuple[int, ...]]) -> str:
    """The three most frequent sizes."""
    named = [f"{height}x{width} ({count:,})" for (height, width), count in sizes.most_common(3)]
    return ", ".join(named) + (f" and {len(sizes) - 3:,} more" if len(sizes) > 3 else "")
