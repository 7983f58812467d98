"""A study: what it trains, and what it makes of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ca2_core.files import whole_file
from ca2_rl.plot import save_figure
from ca2_rl.studies.conditions import versions
from ca2_rl.studies.jobs import Variant, read_records
from ca2_rl.studies.results import Results


@dataclass(frozen=True)
class Table:
    """A table of a report.

    :param title: what it shows, as a caption
    :param make: its Markdown, with a sentence on how to read it where needed
    """

    title: str
    make: Callable[[Results], str]


@dataclass(frozen=True)
class Picture:
    """A figure of a report, likewise."""

    title: str
    make: Callable[[Results], Figure]


@dataclass(frozen=True)
class Study:
    """A comparison.

    :param summary: a line for ``--help``
    :param variants: what is compared
    :param seeds: how many of each, unless asked for otherwise
    :param tables: by name
    :param pictures: by name
    :param leaves_out: what of a training's record the tables and figures do without
    """

    name: str
    summary: str
    variants: Callable[[], list[Variant]]
    seeds: int
    tables: dict[str, Table]
    pictures: dict[str, Picture]
    leaves_out: frozenset[str] = frozenset()

    def gather(self, out: Path, steps: int | None, command: str, machine: dict[str, Any]) -> Results:
        """Writes ``study.json``: all trainings that are there, also of former calls.

        :param out: the study's folder
        :param steps: of each training, if not the variant's own
        :param command: that the user gave
        :param machine: as ``conditions.machine`` has it
        """
        records = [
            {name: value for name, value in record.items() if name not in self.leaves_out}
            for record in read_records(self.variants(), out / "jobs", steps)
        ]
        content = {
            "study": self.name,
            "command": command,
            "versions": versions(),
            "machine": machine,
            "seeds": sorted({record["seed"] for record in records}),
        }
        lines = ",\n".join(json.dumps(record) for record in records)  # a line each
        with whole_file(out / "study.json") as partial:
            partial.write_text(f'{json.dumps(content, indent=1)[:-2]},\n "records": [\n{lines}\n]\n}}\n', encoding="utf-8")
        return Results(content | {"records": records})

    def report(self, results: Results, out: Path) -> Path:
        """Writes ``report.md`` and its figures."""
        parts = [f"# {self.summary[0].upper()}{self.summary[1:]}"]
        parts += [f"## {table.title}\n\n{table.make(results)}" for table in self.tables.values()]
        for name, picture in self.pictures.items():
            save_figure(picture.make(results), out / f"{name}.png")
            parts.append(f"![{picture.title}]({name}.png)\n\n{picture.title}.")
        path = out / "report.md"
        with whole_file(path) as partial:
            partial.write_text("\n\n".join([*parts, results.conditions()]) + "\n", encoding="utf-8")
        return path
