"""Kaggle-style CSV: a row an image, the label first, then the pixels row by row."""

from collections import deque
from math import isqrt
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.cleaning import Raw
from ca2_gan.data.opening import is_emnist, opened

BLOCK = 16 * 2**20


def read_csv(path: Path) -> Raw:
    """Reads a CSV, plain or gzip, with or without a header.

    :raises UserError: if a row is ragged or holds something else than whole numbers, pixels from 0 to 255
    """
    with opened(path) as file:
        first = file.readline()
    if not first.strip():
        raise UserError(f"{path}: empty.")
    cells = _split(first)
    side = side_of(len(cells) - 1, f"{path}, row 1")
    has_header = not _is_integer(cells[0]) or not any(map(_is_integer, cells[1:]))
    try:
        with opened(path) as file:
            labels, pixels = _read(file, len(cells), has_header)
    except pa.ArrowInvalid as error:
        _explain(path, len(cells), has_header)
        raise UserError(f"{path}: can't be read as a CSV: {error}") from error
    notes = ("The first row is a header.",) if has_header else ()
    return Raw(str(path), pixels.reshape(-1, side, side), labels, transposed=is_emnist(path), notes=notes)


def side_of(pixels: int, where: str) -> int:
    """Side of a square image of so many pixels.

    :raises UserError: if there is none
    """
    side = isqrt(max(pixels, 0))
    if pixels < 1 or side * side != pixels:
        raise UserError(f"{where}: {pixels:,} pixels make no square image (28x28 has 784). The label comes first, then the pixels.")
    return side


def _read(file: BinaryIO, columns: int, has_header: bool) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Labels [N] and pixels [N, columns - 1]. A block at a time, so that the pixels are in memory once, as bytes."""
    names = ["label", *(str(i) for i in range(columns - 1))]
    types = {name: pa.uint8() for name in names} | {"label": pa.int64()}
    reader = pyarrow.csv.open_csv(
        file,
        read_options=pyarrow.csv.ReadOptions(column_names=names, skip_rows=int(has_header), block_size=BLOCK),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False),
    )
    labels: list[NDArray[np.int64]] = []
    blocks: deque[NDArray[np.uint8]] = deque()
    for batch in reader:
        labels.append(batch.column(0).to_numpy())
        blocks.append(np.stack([column.to_numpy() for column in batch.columns[1:]], axis=1))
    pixels = np.empty((sum(map(len, blocks)), columns - 1), dtype=np.uint8)
    end = 0
    while blocks:
        block = blocks.popleft()  # its memory is free again once it is copied
        pixels[end : end + len(block)] = block
        end += len(block)
    return np.concatenate(labels) if labels else np.empty(0, dtype=np.int64), pixels


def _explain(path: Path, columns: int, has_header: bool) -> None:
    """Looks for the row that can't be read.

    :raises UserError: that names it
    """
    with opened(path) as file:
        for row, line in enumerate(file, start=1):
            where = f"{path}, row {row:,}"
            cells = _split(line)
            if cells == [""] or (row == 1 and has_header):
                continue
            if len(cells) != columns:
                raise UserError(f"{where}: {len(cells) - 1:,} pixels where the rows before have {columns - 1:,}.")
            for column, cell in enumerate(cells, start=1):
                if not _is_integer(cell):
                    raise UserError(f"{where}, column {column:,}: {cell[:20]!r} is no whole number. Labels and pixels (0 to 255) are.")
                if column > 1 and not 0 <= int(cell) <= 255:
                    raise UserError(f"{where}, column {column:,}: pixel {cell[:20]} is not in 0 to 255.")


def _split(line: bytes) -> list[str]:
    return [cell.strip().strip('"') for cell in line.decode("utf-8-sig", "replace").strip().split(",")]


def _is_integer(cell: str) -> bool:
    return cell.removeprefix("-").isascii() and cell.removeprefix("-").isdigit()
