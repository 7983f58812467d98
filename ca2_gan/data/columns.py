"""Finds out what the columns of a table are: the label, an index, pixels in some order."""

import re
from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ca2_core.errors import UserError

LABELS = ("label", "labels", "y", "class", "target", "letter", "digit", "character")
INDICES = ("", "unnamed: 0", "index", "id", "__index_level_0__")
# Largest number of columns that are not pixels: the label and an index
MOST_OTHERS = 2


def count_pixels(columns: int, where: str) -> int:
    """Number of columns that are pixels of a square image; at most two columns are something else.

    :raises UserError: if no square fits
    """
    side = isqrt(max(columns, 0))
    if columns < 2 or columns - side * side > MOST_OTHERS:
        count = f"{columns - 1:,} pixels make" if columns != 2 else "1 pixel makes"
        raise UserError(f"{where}: {count} no square image (28x28 has 784). A label and the pixels row by row are needed.")
    return side * side


def square_side(pixels: int, where: str) -> int:
    """The side of a square image with this number of pixels.

    :raises UserError: if the number is not a square
    """
    side = isqrt(pixels)
    if not pixels or side * side != pixels:
        raise UserError(f"{where}: {pixels:,} pixels make no square image (28x28 has 784). Other columns may be labels and an index only.")
    return side


def find_named(names: Sequence[str], known: Sequence[str]) -> int | None:
    """The column with one of the known names; None if there is none, or several."""
    found = [position for position, name in enumerate(names) if name.strip().lower() in known]
    return found[0] if len(found) == 1 else None


def find_labels(names: Sequence[str]) -> list[int]:
    """The columns that may have the labels: the one with such a name, else all without digits in their names, except an index."""
    named = find_named(names, LABELS)
    if named is not None:
        return [named]
    return [i for i, name in enumerate(names) if not any(map(str.isdigit, name)) and name.strip().lower() not in INDICES]


def in_pixel_order(columns: Sequence[int], names: Sequence[str]) -> tuple[list[int], list[str]]:
    """Columns of pixels in the order of the numbers in their names, ``pixel10`` after ``pixel2``, and notes about it."""
    keys = {column: tuple(map(int, re.findall(r"\d+", names[column]))) for column in columns}
    is_numbered = len(set(keys.values())) == len(keys) and len({len(key) for key in keys.values()}) == 1
    ordered = sorted(columns, key=keys.__getitem__) if is_numbered else list(columns)
    return ordered, ["Columns are sorted by the numbers in their names, not as in the file."] if ordered != list(columns) else []


def stack_pixels(table: pa.Table, columns: Sequence[int], where: str) -> NDArray[Any]:
    """Images [N, 1, H, W] from a table with one column for each pixel.

    :raises UserError: if the images are not square
    """
    side = square_side(len(columns), where)
    kinds = {table.schema.types[column].to_pandas_dtype() for column in columns}
    kinds |= {np.float64} if any(table.column(column).null_count for column in columns) else set()  # which become NaN
    pixels, end = np.empty((len(table), len(columns)), dtype=np.result_type(*kinds)), 0
    for part in table.to_batches():  # a part at a time stays in the processor's cache
        pixels[end : end + len(part)] = np.stack([part.column(column).to_numpy(zero_copy_only=False) for column in columns], axis=1)
        end += len(part)
    return pixels.reshape(-1, 1, side, side)
