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
from ca2_gan.data.columns import INDICES, LABELS, find_labels, find_named, in_pixel_order, square_side, stack_pixels
from ca2_gan.data.image_files import decode
from ca2_gan.data.labels import name_classes
from ca2_gan.data.raw import Format, Raw, pack
from ca2_gan.registry import formats

IMAGES = ("image", "images", "img", "x", "pixels")


def read_parquet(path: Path) -> Raw:
    """Reads one table from one or several files: a column of labels and either a column ``image`` (encoded pictures, or lists of pixels)
    or one column per pixel. The hub's metadata give the names of the labels. If only some files are named ``test...``, they are held out.

    :raises UserError: if a file can't be read or has no such columns
    """
    paths = _files(path)
    tables = [_read_table(file) for file in paths]
    names = tables[0].column_names
    odd = next((file for file, table in zip(paths, tables, strict=True) if table.column_names != names), None)
    if odd is not None:
        raise UserError(f"{odd}: its columns are not those of {paths[0].name}. Give files of one table.")
    table = pa.concat_tables(tables, promote_options="permissive")
    image = find_named(names, IMAGES)
    label = _find_label(path, table, image)
    notes = [] if label is None or names[label].lower() in LABELS else [f"Labels are in the column {names[label]!r}."]
    if image is None:
        pixels = [position for position in range(len(names)) if position != label and names[position].lower() not in INDICES]
        wrong = next((names[i] for i in pixels if not _is_numeric(table.schema.types[i])), None)
        if wrong is not None:
            raise UserError(f"{path}, column {wrong!r}: not of numbers. Pixels are numbers, 0 to 255.")
        pixels, said = in_pixel_order(pixels, names)
        images = stack_pixels(table, pixels, str(path))
    else:
        ignored = [name for position, name in enumerate(names) if position not in (image, label)]
        said = [f"Left out: the columns {', '.join(ignored)}."] if ignored else []
        images = _pictures(path, table.column(image), names[image])
    held_out = [file.name.lower().startswith("test") for file in paths]
    return Raw(
        str(path),
        images,
        None if label is None else _labels(path, table.column(label)),
        None if label is None else _names(table, names[label], str(path)),
        is_test=np.repeat(held_out, [len(part) for part in tables]) if any(held_out) and not all(held_out) else None,
        notes=(*notes, *said),
    )


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.parquet")) if path.is_dir() else [path] if path.name.lower().endswith(".parquet") else []


def _read_table(path: Path) -> pa.Table:
    try:
        return pyarrow.parquet.read_table(path)
    except Exception as error:  # whatever the bytes lead to
        raise UserError(f"{path}: can't be read as parquet: {' '.join(str(error).split())[:120]}.") from error


def _find_label(path: Path, table: pa.Table, image: int | None) -> int | None:
    """The column of labels: by its name, by the hub's metadata, or because it is the only one left.

    :raises UserError: if it is not of numbers or text, or there are several
    """
    names: Sequence[str] = table.column_names
    features, types = _features(table), table.schema.types
    named = find_named([name if i != image else "" for i, name in enumerate(names)], LABELS)
    if named is not None:
        if not (_is_numeric(types[named]) or _is_text(types[named])):
            raise UserError(f"{path}, column {names[named]!r}: labels are {types[named]}. Make them whole numbers or text.")
        return named
    possible = [i for i in find_labels(names) if image is None or (i != image and (pa.types.is_integer(types[i]) or _is_text(types[i])))]
    if len(possible) > 1:  # the hub's metadata say which has classes
        kinds = [features.get(names[i]) for i in possible]
        classes = [i for i, kind in zip(possible, kinds, strict=True) if isinstance(kind, dict) and kind.get("_type") == "ClassLabel"]
        possible = classes if len(classes) == 1 else possible
    if len(possible) > 1:
        raise UserError(f"{path}: which column has the labels, {', '.join(names[i] for i in possible)}? Rename it to 'label'.")
    return possible[0] if possible else None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind) or pa.types.is_dictionary(kind))


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind))


def _pictures(path: Path, column: pa.ChunkedArray, name: str) -> NDArray[Any]:
    """Images from a column of encoded pictures or of lists of pixels."""
    where = f"{path}, column {name!r}"
    cells = column.to_pylist()
    empty = next((row for row, cell in enumerate(cells) if cell is None or (isinstance(cell, dict) and cell.get("bytes") is None)), None)
    if empty is not None:
        raise UserError(f"{path}, row {empty + 1:,}: no picture in column {name!r}. Pictures have to be in the file themselves.")
    if pa.types.is_struct(column.type):
        cells = [cell["bytes"] for cell in cells]
    if not cells or isinstance(cells[0], bytes):
        return pack([decode(io.BytesIO(cell), f"{path}, row {row:,}") for row, cell in enumerate(cells, start=1)])
    try:
        pixels = np.array(cells)
    except ValueError:
        raise UserError(f"{where}: its lists differ in length.") from None
    if pixels.ndim != 2:
        return pixels
    side = square_side(pixels.shape[1], where)
    return pixels.reshape(-1, 1, side, side)


def _labels(path: Path, column: pa.ChunkedArray) -> NDArray[Any]:
    values = np.array(column.to_pylist(), dtype=object)
    empty = next((row for row, value in enumerate(values) if value is None), None)
    if empty is not None:
        raise UserError(f"{path}, row {empty + 1:,}: no label. Give each image one, or -1 to leave it out.")
    return values


def _features(table: pa.Table) -> dict[str, Any]:
    """Description of each column in the metadata that the ``datasets`` library writes; empty if there is none."""
    try:
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    except (LookupError, TypeError, ValueError):
        return {}
    return features if isinstance(features, dict) else {}


def _names(table: pa.Table, label: str, source: str) -> dict[int, str] | None:
    feature = _features(table).get(label)
    names = feature.get("names") if isinstance(feature, dict) else None
    return name_classes(np.array(names), source) if isinstance(names, list) and names else None


formats.register("parquet")(Format("a .parquet or a folder of them", lambda path: bool(_files(path)), read_parquet, is_slow=True))
