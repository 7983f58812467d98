"""Converts the content of any source to images as bytes and labels as whole numbers."""

from collections import Counter
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


def standardise(raw: Raw, resize: tuple[int, int] | None = None, may_be_dark: bool = False) -> Raw:
    """Images as uint8 [N, C, H, W], C 1 or 3, and labels as int64 [N]. Arrays that are so already stay the same objects.

    :param resize: height and width to scale the images to; None leaves them as they are
    :param may_be_dark: see ``to_bytes``
    :raises UserError: if the pixels have no known scale, the images differ in size, or there is not one label for each
    """
    if len(raw.images) == 0:
        raise UserError(f"{raw.source}: no images in it.")
    images, notes = _standard_images(raw.images, raw.source, resize, may_be_dark)
    labels, names = raw.labels, raw.names
    if labels is not None:
        if len(labels) != len(images):
            raise UserError(f"{raw.source}: {len(images):,} images but {len(labels):,} labels.")
        labels, of_text, said = number_labels(labels, raw.source, lambda position: f"{raw.source}, image {position + 1:,}")
        names, notes = of_text or names, [*notes, *said]
    return replace(raw, images=images, labels=labels, names=names, notes=(*raw.notes, *notes))


def _standard_images(images: NDArray[Any], source: str, resize: tuple[int, int] | None, may_be_dark: bool) -> tuple[Bytes, list[str]]:
    notes: list[str] = []
    if images.dtype == object:
        parts = [image[None] for image in images]
    else:
        images, notes = arrange(images, source)
        parts = [images[i : i + CHUNK] for i in range(0, len(images), CHUNK)]
    in_bytes, scaled = to_bytes(parts, source, may_be_dark)
    opaque, filled = fill_transparent(in_bytes)
    notes += [*scaled, *filled]
    sizes: Counter[tuple[int, ...]] = Counter()
    for part in opaque:
        sizes[part.shape[2:]] += len(part)
    if resize and sizes.keys() != {resize}:
        opaque = [resize_image(image, *resize)[None] for part in opaque for image in part]
        notes.append(f"Resized to {resize[0]}x{resize[1]} from {_name_sizes(sizes)}.")
    elif len(sizes) > 1:
        raise UserError(f"{source}: images of different sizes, {_name_sizes(sizes)}. --resize 28 makes all of them 28x28.")
    elif images.dtype != object and all(new is old for new, old in zip(opaque, parts, strict=True)):
        return images, notes
    channels = max(part.shape[1] for part in opaque)  # all in colour if one is
    return np.concatenate([part if part.shape[1] == channels else part.repeat(channels, axis=1) for part in opaque]), notes


def _name_sizes(sizes: Counter[tuple[int, ...]]) -> str:
    """The three most frequent sizes."""
    named = [f"{height}x{width} ({count:,})" for (height, width), count in sizes.most_common(3)]
    return ", ".join(named) + (f" and {len(sizes) - 3:,} more" if len(sizes) > 3 else "")
