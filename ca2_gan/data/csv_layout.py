"""Detects the layout of a CSV: its delimiter, its header, the columns that may not be pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]

from ca2_core.errors import UserError
from ca2_gan.data.columns import INDICES, LABELS, count_pixels, find_labels, find_named
from ca2_gan.data.labels import is_number

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True)
class Layout:
    """The layout of a CSV, as detected from its first rows.

    :param columns: number of columns
    :param others: number of columns that are not pixels
    :param header: the names of the columns; None if the first row has none
    :param recovered: an image that was taken for a header when the file was written; None if there is none
    :param is_float: whether pixels have decimal points
    :param label: column of the labels by the header; None if the header doesn't say
    :param index: column that numbers the rows by the header; None if the header doesn't say
    """

    delimiter: str
    columns: int
    others: int
    header: list[str] | None
    recovered: list[str] | None
    is_float: bool
    label: int | None = None
    index: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def skipped(self) -> int:
        """Rows before the first image."""
        return int(self.header is not None or self.recovered is not None)

    @property
    def pixel(self) -> pa.DataType:
        """Type as which pixels are read."""
        return pa.float32() if self.is_float else pa.uint8()

    @property
    def edges(self) -> list[int]:
        """The columns that may have labels or an index: those at both ends, and those that the header names."""
        ends = (0, 1, self.columns - 1) if self.others > 1 else (0, self.columns - 1) if self.others else ()
        named = {column for column in (self.label, self.index) if column is not None}
        return sorted(named if len(named) == self.others else named.union(ends))


def split(line: bytes, delimiter: str) -> list[str]:
    """The cells of a row."""
    return [cell.strip().strip('"') for cell in line.decode("utf-8-sig", "replace").strip("\r\n").split(delimiter)]


def detect(path: Path, lines: Sequence[bytes]) -> Layout:
    """The layout of a CSV from its first rows.

    :raises UserError: if the rows can't be images
    """
    if b"\0" in lines[0]:
        raise UserError(f"{path}: not UTF-8, but UTF-16 or no text. Save it as UTF-8.")
    delimiter = max(DELIMITERS, key=lambda character: lines[0].count(character.encode()))
    notes = [] if delimiter == "," else [f"Cells are separated by {DELIMITERS[delimiter]}."]
    first, *rest = (split(line, delimiter) for line in lines if line.strip())
    columns = len(first)
    others = columns - count_pixels(columns, f"{path}, row 1")
    header, recovered = None, _undo_pandas(first)
    if recovered:
        notes.append("The first row is an image that pandas turned into a header (0, 0.1, 0.2, ...): read as an image.")
    elif _is_header(first, rest[0] if rest else None, path):
        header = first
    if header and rest and sum(map(is_number, rest[0])) < len(rest[0]) / 2:
        strange = next(cell for cell in rest[0] if not is_number(cell))[:20]
        raise UserError(f"{path}, row 2: most cells are no numbers, such as {strange!r}. Pixels are decimal numbers, 0 to 255.")
    body = rest if header or recovered else [first, *rest]
    named = find_labels(header) if header and others else []
    label = named[0] if len(named) == 1 else None
    if label is not None and first[label].lower() not in LABELS:
        notes.append(f"Labels are in the column {first[label]!r}.")
    return Layout(
        delimiter,
        columns,
        others,
        header,
        recovered,
        is_float=any(not is_whole(cell) and is_number(cell) for row in body for cell in row[others:-1]),
        label=label,
        index=find_named(first, INDICES) if (header or recovered) and others else None,
        notes=tuple(notes),
    )


def _undo_pandas(cells: Sequence[str]) -> list[str] | None:
    """The image that pandas turned into a header by numbering repeated values (0, 0.1, 0.2, 7, 0.3), or None if it is no such header.

    An unnamed index in front and a text label stay as they are.
    """
    seen: dict[str, int] = {}
    values = []
    for position, cell in enumerate(cells):
        value, point, number = cell.rpartition(".")
        if not point or seen.get(value) != _as_count(number):
            value = cell
            if value in seen or not (is_number(value) or position in (0, 1, len(cells) - 1)):
                return None
        seen[value] = seen.get(value, 0) + 1
        values.append(value)
    return values if len(seen) < len(values) - 1 else None


def _as_count(text: str) -> int:
    """A count of earlier occurrences, as pandas writes it; -1 for other text."""
    return int(text) if text.isascii() and text.isdigit() and not text.startswith("0") else -1


def _is_header(first: Sequence[str], second: Sequence[str] | None, path: Path) -> bool:
    """Whether the first row names the columns.

    :raises UserError: if it is an image except for a cell that is not a number
    """
    numbers = [cell for cell in first if is_number(cell)]
    if len(numbers) < len(first) / 2 or counts_up(numbers):
        return True
    strange = [position for position, cell in enumerate(first) if not is_number(cell)]
    if not strange or (second and len(second) == len(first) and all(not is_number(second[position]) for position in strange)):
        return False  # numbers, or labels that are text in every row
    where, cell = f"{path}, row 1, column {strange[0] + 1:,}", first[strange[0]][:20]
    raise UserError(f"{where}: {cell!r} among numbers: neither a header nor an image. Correct the cell or remove the row.")


def counts_up(cells: Sequence[str]) -> bool:
    """Whether the cells are 0, 1, 2, ... or 1, 2, 3, ..."""
    return cells[0] in ("0", "1") and all(cell == str(i) for i, cell in enumerate(cells, start=int(cells[0])))


def is_whole(cell: str) -> bool:
    """Whether a cell is a whole number."""
    digits = cell.removeprefix("-")
    return digits.isascii() and digits.isdigit()
