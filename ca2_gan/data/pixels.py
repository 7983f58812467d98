"""Converts pixels of any kind to bytes, 0 to 255."""

from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ca2_core.errors import UserError

Bytes = NDArray[np.uint8]
# Pixels that are all below this have another scale, such as 0 to 15 or 0 to 16: no data of 0 to 255 are that dark throughout
DARK = 64
PERCENT = 100  # fractions that are all up to this have another scale, too


def arrange(images: NDArray[Any], source: str) -> tuple[NDArray[Any], list[str]]:
    """An array of images as [N, C, H, W], and notes about what was recognised.

    :raises UserError: if the array can't be images
    """
    shape = images.shape
    if images.ndim == 2 and len(images) and shape[1] > 3 and isqrt(shape[1]) ** 2 == shape[1]:
        side = isqrt(shape[1])
        return images.reshape(-1, 1, side, side), [f"Rows of {shape[1]:,} pixels are taken as images of {side}x{side}."]
    if images.ndim == 4 and shape[1] not in (1, 3) and shape[3] in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim not in (3, 4) or 0 in shape[1:] or (images.ndim == 4 and images.shape[1] not in (1, 2, 3, 4)):
        raise UserError(f"{source}: an array {list(shape)}; images are [N, H, W] or [N, C, H, W] with 1 or 3 channels.")
    return images if images.ndim == 4 else images[:, None], []


def to_bytes(parts: Sequence[NDArray[Any]], source: str, may_be_dark: bool = False) -> tuple[list[Bytes], list[str]]:
    """Arrays of numbers as bytes, and notes about what was recognised. Arrays of the same type share a scale.

    :param may_be_dark: whether bytes that are all below 64 are dark images, such as a model's, and not on another scale
    :raises UserError: if the numbers have no known scale
    """
    converted: list[Any] = list(parts)
    notes = []
    for dtype in sorted({part.dtype for part in parts if part.size}, key=str):
        same = [i for i, part in enumerate(parts) if part.dtype == dtype and part.size]
        factor, offset, note = _scale([parts[i] for i in same], dtype, source, may_be_dark and dtype == np.uint8)
        notes += [note] if note else []
        if dtype != np.uint8 or factor != 1:
            for i in same:
                converted[i] = np.rint(parts[i].astype(np.float32) * factor + offset).astype(np.uint8)
    return converted, notes


def _scale(parts: list[NDArray[Any]], dtype: np.dtype[Any], source: str, may_be_dark: bool) -> tuple[float, float, str]:
    """Factor, offset, and a note about them."""
    if dtype.kind not in "biuf":
        raise UserError(f"{source}: pixels are {dtype}; numbers are needed, 0 to 255.")
    low, high = np.min([part.min() for part in parts]), np.max([part.max() for part in parts])
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UserError(f"{source}: some pixels are NaN or infinite. Replace them by numbers from 0 to 255.")
    whole = dtype.kind != "f" or all((part == np.rint(part)).all() for part in parts)
    if low == high == 0:
        return 1, 0, ""
    if low >= 0 and high <= 1:
        return 255, 0, f"Pixels are {'0 and 1' if whole else 'fractions from 0 to 1'}: multiplied by 255."
    if dtype.kind == "f" and low >= -1 and high <= 1:
        return 127.5, 127.5, "Pixels are fractions from -1 to 1: scaled to 0 to 255."
    if low >= 0 and not may_be_dark and (high < DARK or (high <= PERCENT and not whole)):
        return 255 / float(high), 0, f"Pixels go up to {high:g}: taken as 0 to {high:g} and scaled to 0 to 255."
    if low >= 0 and high <= 255:
        return 1, 0, "" if whole else "Pixels are fractions from 0 to 255: rounded."
    if low >= 0 and high < 2**16 and whole:
        bits = int(high).bit_length()
        return 255 / (2**bits - 1), 0, f"Pixels go up to {int(high):,}: taken as {bits} bits and scaled to 0 to 255."
    raise UserError(f"{source}: pixels from {low:g} to {high:g}; 0 to 255, 0 to 1 or 16 bits without a sign are needed. Scale them.")


def fill_transparent(parts: Sequence[Bytes]) -> tuple[list[Bytes], list[str]]:
    """Puts pictures with 2 or 4 channels, the last of them opacity, on a background in contrast to their ink: [n, C, H, W]."""
    see_through = [part for part in parts if part.shape[1] in (2, 4)]
    if not see_through:
        return list(parts), []
    opacity = sum(float(part[:, -1].sum()) for part in see_through)
    ink = sum(float((part[:, :-1].mean(axis=1) * part[:, -1]).sum()) for part in see_through) / max(opacity, 1)
    background, of, on = (255, "dark", "white") if ink < 128 else (0, "light", "black")

    def fill(part: Bytes) -> Bytes:
        alpha = part[:, -1:].astype(np.float32) / 255
        filled: Bytes = np.rint(part[:, :-1] * alpha + background * (1 - alpha)).astype(np.uint8)
        return filled

    note = f"Pictures are transparent: put on {on}, as their ink is {of}."
    return [fill(part) if part.shape[1] in (2, 4) else part for part in parts], [note]


def resize_image(image: Bytes, height: int, width: int) -> Bytes:
    """[C, H, W] -> [C, height, width]: scaled in proportion, then padded with the colour of its border."""
    if image.shape[1:] == (height, width):
        return image
    colour = tuple(int(value) for value in np.median(_border(image[None])[0], axis=1))
    picture = Image.fromarray(np.ascontiguousarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)))
    fitted = ImageOps.pad(picture, (width, height), Image.Resampling.BICUBIC, color=colour if len(colour) > 1 else colour[0])
    return np.atleast_3d(np.asarray(fitted)).transpose(2, 0, 1)


def is_light(images: Bytes) -> bool:
    """Whether ink is dark on white: nearly all images have a light border, and most pixels are light. [N, C, H, W]"""
    some = images[:: max(1, len(images) // 4_096)]
    border = np.median(_border(some), axis=(1, 2))
    return bool((border >= 192).mean() >= 0.9 and some.mean() > 127)


def _border(images: Bytes) -> Bytes:
    """The outermost pixels: [N, C, H, W] -> [N, C, 2 H + 2 W]."""
    return np.concatenate([images[:, :, 0], images[:, :, -1], images[..., 0], images[..., -1]], axis=2)
