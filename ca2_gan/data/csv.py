"""CSV: one image per row, a label and the pixels row by row."""

from collections.abc import Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from ca2_core.errors import UserError
from ca2_gan.data.columns import in_pixel_order, stack_pixels
from ca2_gan.data.csv_layout import Layout, counts_up, detect, is_whole, split
from ca2_gan.data.labels import is_number, number_labels
from ca2_gan.data.opening import is_emnist, opened
from ca2_gan.data.raw import BLANK, Format, Raw
from ca2_gan.registry import formats

BLOCK = 16 * 2**20
HEAD = 50  # rows from which the layout is detected
NAMED = "Name a column of labels 'label' in a header"
# A column that counts more rows than this is an index, not labels: there are 62 digits and letters of both cases
MOST_COUNTED = 62


def read_csv(path: Path) -> Raw:
    """Reads a CSV, plain, gzip or alone in a zip: with or without a header, an index, labels first or last.

    :raises UserError: if rows differ in length, or a pixel is not a number from 0 to 255
    """
    with opened(path) as file:
        head = [line for line in islice(file, HEAD) if line.strip(b"\r\n \xef\xbb\xbf")]
    if not head:
        raise UserError(f"{path}: empty.")
    layout = detect(path, head)
    others: Sequence[int | None] = layout.edges
    try:
        table = _read_table(path, layout)
        edges = {column: [cell.strip() for cell in table.column(column).to_pylist()] for column in layout.edges}
        label, index, notes = find_roles(edges, layout)
        others, notes = (label, index), [*layout.notes, *notes]
        columns = [column for column in range(layout.columns) if column not in others]
        if layout.header:
            columns, said = in_pixel_order(columns, layout.header)
            notes += said
        for column in edges.keys() & set(columns):
            table = table.set_column(column, str(column), pa.array(edges[column]).cast(layout.pixel))
    except pa.ArrowInvalid as error:
        _explain(path, layout, others)
        raise UserError(f"{path}: can't be read as a CSV: {error}") from error
    pixels = stack_pixels(table, columns, str(path))
    labels, names = None, None
    if label is not None:
        before, where = 1 + (layout.header is not None), f"{path}, row {{:,}}, column {label + 1:,}"
        labels, names, said = number_labels(np.array(edges[label], dtype=object), str(path), lambda i: where.format(i + before))
        notes += said
    return Raw(str(path), pixels, labels, names, transposed=is_emnist(path), notes=tuple(notes))


def _read_table(path: Path, layout: Layout) -> pa.Table:
    """Reads all rows: columns at the edges as text, the others as numbers, if possible as bytes."""
    types = {str(column): pa.string() if column in layout.edges else layout.pixel for column in range(layout.columns)}

    def parse(file: BinaryIO, skipped: int) -> pa.Table:
        return pyarrow.csv.read_csv(
            file,
            read_options=pyarrow.csv.ReadOptions(column_names=list(types), skip_rows=skipped, block_size=BLOCK),
            parse_options=pyarrow.csv.ParseOptions(delimiter=layout.delimiter),
            convert_options=pyarrow.csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False),
        )

    with opened(path) as file:
        table = parse(file, layout.skipped)
    if layout.recovered:
        table = pa.concat_tables([parse(BytesIO(layout.delimiter.join(layout.recovered).encode()), 0), table])
    return table


def find_roles(edges: dict[int, list[str]], layout: Layout) -> tuple[int | None, int | None, list[str]]:
    """The columns of the labels and of the index, by the header or else by their content, and notes about them."""
    label, index, notes = layout.label, layout.index, []
    counting = [column for column, cells in edges.items() if column != label and _counts_rows(cells)]
    if index is None and counting and (layout.others - (label is not None) == 2 or len(edges[counting[0]]) > MOST_COUNTED):
        index = counting[0]
    if index is not None:
        notes.append(f"Column {index + 1:,} numbers the rows: left out.")
    if label is None and layout.others > (index is not None):
        free = [column for column in edges if column != index]
        likely = [column for column in free if _must_be_labels(edges[column], layout)]
        likely = likely or [column for column in free if _may_be_labels(edges[column])]
        label = likely[0] if len(likely) == 1 else free[0]
        if len(likely) != 1:
            notes.append(f"It is unclear which column has the labels: column {label + 1:,} is taken. A header with 'label' names another.")
    if label == layout.columns - 1:
        notes.append("Labels are in the last column.")
    return label, index, notes


def _counts_rows(cells: Sequence[str]) -> bool:
    """Whether the cells are 0, 1, 2, ... or 1, 2, 3, ...; a first cell that is not a number belongs to a recovered image."""
    numbers = [cell.removesuffix(".0") for cell in (cells if cells and is_whole(cells[0]) else cells[1:])]
    return len(numbers) > 1 and counts_up(numbers)


def _must_be_labels(cells: Sequence[str], layout: Layout) -> bool:
    """Whether a column can't be pixels: it has a -1 among whole numbers, or is mostly text."""
    return (not layout.is_float and str(BLANK) in cells) or sum(map(is_number, cells)) < len(cells) / 2


def _may_be_labels(cells: Sequence[str]) -> bool:
    """Whether a column looks like labels rather than the corners of images: text, or few values, none of them in nearly all rows."""
    values, counts = np.unique(np.array(cells, dtype=object).astype(str), return_counts=True)
    if not all(map(is_number, values)):
        return True
    return 2 <= len(values) <= min(MOST_COUNTED + 1, len(cells) // 2 + 1) and counts.max() < 0.9 * len(cells)


def _explain(path: Path, layout: Layout, others: Sequence[int | None]) -> None:
    """Looks for the row that can't be read.

    :param others: columns that are not pixels
    :raises UserError: that names the row, if there is one
    """
    with opened(path) as file:
        for row, line in enumerate(file, start=1):
            where = f"{path}, row {row:,}"
            if not line.strip() or row <= layout.skipped:
                continue
            cells = split(line, layout.delimiter)
            if len(cells) != layout.columns:
                counted, before = len(cells) - layout.others, layout.columns - layout.others
                raise UserError(f"{where}: {counted:,} pixels where the rows before have {before:,}.")
            for column, cell in enumerate(cells):
                if column in others:
                    continue
                if not (is_number(cell) if layout.is_float else is_whole(cell)):
                    remedy = "Write 0.5, not 0,5" if "," in cell else "Fill in or remove the row" if cell in ("", "NaN", "nan") else NAMED
                    raise UserError(f"{where}, column {column + 1:,}: {cell[:20]!r} is not a pixel, 0 to 255. {remedy}.")
                if not layout.is_float and not 0 <= int(cell) <= 255:
                    raise UserError(f"{where}, column {column + 1:,}: pixel {cell[:20]} is not in 0 to 255. Scale the pixels. {NAMED}.")


def _matches(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz", ".zip"))


formats.register("csv")(Format("a CSV (.csv, .csv.gz, .tsv, alone in a .zip)", _matches, read_csv))
