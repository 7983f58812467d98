"""The interface of readers: what they return, and how they are registered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLANK = -1


@dataclass
class Raw:
    """The content of a source as it was found. ``standardise`` turns its pixels into bytes and its labels into whole numbers.

    :param source: name of the source, for messages
    :param images: [N, H, W], [N, C, H, W] or [N, H, W, C]; pictures of different sizes as an object array [N] of [C, H, W]
    :param labels: [N] whole numbers, -1 for blank images, or text; None if there are none
    :param names: name of each label, if the source knows
    :param transposed: whether the source is known to swap rows and columns
    :param is_test: the source's own test part, bool [N]; None if it has none
    :param attributes: further values of each image, by name, [N, ...] each
    :param notes: what was recognised and done about it, a sentence each
    """

    source: str
    images: NDArray[Any]
    labels: NDArray[Any] | None
    names: Mapping[int, str] | None = None
    transposed: bool = False
    is_test: NDArray[np.bool_] | None = None
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """A kind of file or folder that can be read.

    :param summary: what it is, for messages and ``ca2-gan list formats``
    :param matches: returns whether a file or folder is of this kind, by its name or the names in it
    :param read: reads a file or folder; raises ``UserError`` if it can't
    :param is_slow: whether reading takes so long that the result is kept in the cache
    """

    summary: str
    matches: Callable[[Path], bool]
    read: Callable[[Path], Raw]
    is_slow: bool = False


def pack(pictures: list[NDArray[Any]]) -> NDArray[Any]:
    """Pictures [C, H, W] as one array [N, C, H, W], or [N] of objects if they differ in shape or type."""
    if len({(picture.shape, picture.dtype) for picture in pictures}) == 1:
        return np.stack(pictures)
    packed = np.empty(len(pictures), dtype=object)
    for i, picture in enumerate(pictures):
        packed[i] = picture
    return packed
