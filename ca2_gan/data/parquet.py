"""Parquet: pictures as the Hugging Face hub stores them, or a column per pixel."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.cleaning import Raw
from ca2_gan.data.csv import side_of
from ca2_gan.data.folder import decode

LABELS = ("label", "labels", "y", "class")
IMAGES = ("image", "images", "img", "x", "pixels")


def read_parquet(paths: Sequence[Path]) -> Raw:
    """One table in one or several files: a column ``label`` and either a column ``image`` (encoded pictures, or lists of
    pixels) or a column of each pixel. Names of the labels are taken from the hub's metadata.

    :raises UserError: if a file can't be read or has no such columns
    """
    images, labels, names = [], [], None
    for path in paths:
        try:
            table = pyarrow.parquet.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path}: can't be read as parquet: {' '.join(str(error).split())[:120]}.") from error
        label = next((name for name in LABELS if name in table.column_names), None)
        images.append(_images(path, table, label))
        if label is not None:
            labels.append(_labels(path, table.column(label)))
            names = names or _names(table, label)
    if len({part.shape[1:] for part in images}) > 1:
        raise UserError(f"{paths[0].parent}: images of different sizes: {sorted({part.shape[1:] for part in images})}.")
    if labels and len(labels) != len(images):
        raise UserError(f"{paths[0].parent}: some of its parquet files have labels and others none.")
    source = str(paths[0]) if len(paths) == 1 else str(paths[0].parent)
    return Raw(source, np.concatenate(images), np.concatenate(labels) if labels else None, names)


def _images(path: Path, table: pa.Table, label: str | None) -> NDArray[np.uint8]:
    image = next((name for name in IMAGES if name in table.column_names), None)
    if image is None:
        columns = [name for name in table.column_names if name != label]
        side = side_of(len(columns), str(path))
        return np.stack([_bytes(path, name, table.column(name)) for name in columns], axis=1).reshape(-1, side, side)[:, None]
    column = table.column(image)
    if pa.types.is_struct(column.type):
        encoded = [cell["bytes"] for cell in column.to_pylist()]
    elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        encoded = column.to_pylist()
    else:
        flat = [np.asarray(cell) for cell in column.to_pylist()]
        if not flat or len({cell.shape for cell in flat}) > 1:
            raise UserError(f"{path}: the lists of column {image!r} differ in length.")
        pixels = _check_range(path, image, np.stack(flat))
        side = side_of(pixels[0].size, f"{path}, column {image!r}")
        return pixels.reshape(-1, 1, side, side)
    missing = next((row for row, content in enumerate(encoded) if content is None), None)
    if missing is not None:
        raise UserError(f"{path}, row {missing + 1:,}: no picture in column {image!r}.")
    decoded = [decode(io.BytesIO(content)) for content in encoded]
    shapes = {picture.shape[1:] for picture in decoded}
    if len(shapes) != 1:
        raise UserError(f"{path}: {'images of different sizes: ' + str(sorted(shapes)) if shapes else 'no rows'}.")
    channels = max(map(len, decoded))
    return np.stack([picture if len(picture) == channels else picture.repeat(channels, axis=0) for picture in decoded])


def _bytes(path: Path, name: str, column: pa.ChunkedArray) -> NDArray[np.uint8]:
    return _check_range(path, name, column.to_numpy())


def _check_range(path: Path, name: str, values: NDArray[Any]) -> NDArray[np.uint8]:
    if not np.issubdtype(values.dtype, np.integer) or (len(values) and not 0 <= values.min() <= values.max() <= 255):
        raise UserError(f"{path}, column {name!r}: pixels are whole numbers, 0 to 255.")
    return values.astype(np.uint8)


def _labels(path: Path, column: pa.ChunkedArray) -> NDArray[np.int64]:
    values: NDArray[Any] = column.to_numpy()
    if not np.issubdtype(values.dtype, np.integer):
        raise UserError(f"{path}: the labels are {column.type}, with gaps or no whole numbers.")
    return values.astype(np.int64)


def _names(table: pa.Table, label: str) -> dict[int, str] | None:
    """Names of the labels in the metadata that the ``datasets`` library writes; None where they have none."""
    try:
        names = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"][label]["names"]
        return dict(enumerate(map(str, names)))
    except (LookupError, TypeError, ValueError):
        return None
