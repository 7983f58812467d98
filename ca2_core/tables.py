"""Tables that can be printed on a terminal and written as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

# Characters, when the output is not a terminal
WIDTH = 400


@dataclass(frozen=True)
class Table:
    """A table of strings.

    :param header: names of the columns
    :param rows: one cell per column
    :param title: line above the printed table
    :param texts: number of left-aligned columns, from the left; the others are right-aligned numbers
    :raises ValueError: if a row has another number of cells than the header
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
        """Prints the table without wrapping cells. In a narrow terminal, cells may be cut."""
        table = RichTable(box=SIMPLE_HEAD, pad_edge=False)
        for i, name in enumerate(self.header):
            table.add_column(name, justify="left" if i < self.texts else "right", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        if self.title:
            print(self.title)  # rich would break it at the table's width
        Console(width=None if Console().is_terminal else WIDTH).print(table)

    def markdown(self) -> str:
        """The table as Markdown, without its title; a sentence if there are no rows. Pipes within cells are escaped."""
        if not self.rows:
            return "Nothing to show yet."
        alignment = ["---"] * self.texts + ["---:"] * (len(self.header) - self.texts)
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (_escaped(self.header), alignment, *map(_escaped, self.rows)))


def _escaped(cells: Sequence[str]) -> list[str]:
    return [cell.replace("|", r"\|") for cell in cells]
