"""One table for a terminal and for Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

# Where there is no terminal whose width would count
WIDTH = 400


@dataclass(frozen=True)
class Table:
    """Cells of text under a header.

    :param header: a name for each column
    :param rows: as many cells each
    :param title: a line above it on a terminal
    :param texts: columns from the left that are aligned to the left; the others are numbers
    :raises ValueError: if a row has another number of cells
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str | None = None
    texts: int = 1

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"{len(row)} cells under {len(self.header)} headings: {row}")

    def print(self) -> None:
        """Prints it as wide as it needs: no cell is cut or wrapped."""
        table = RichTable(box=SIMPLE_HEAD, pad_edge=False)
        for i, name in enumerate(self.header):
            table.add_column(name, justify="left" if i < self.texts else "right", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        if self.title:
            print(self.title)  # rich would break it at the table's width
        Console(width=None if Console().is_terminal else WIDTH).print(table)

    def markdown(self) -> str:
        """The table without its title; a sentence instead of a header without rows. Pipes within a cell are escaped."""
        if not self.rows:
            return "Nothing to show yet."
        alignment = ["---"] * self.texts + ["---:"] * (len(self.header) - self.texts)
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (_escaped(self.header), alignment, *map(_escaped, self.rows)))


def _escaped(cells: Sequence[str]) -> list[str]:
    return [cell.replace("|", r"\|") for cell in cells]
