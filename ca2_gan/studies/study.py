"""A study: what it trains, and what it makes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ca2_gan.drawing import render, write
from ca2_gan.studies.bench import Bench
from ca2_gan.studies.jobs import Variant, read_records
from ca2_gan.studies.results import Results
from ca2_gan.versions import versions

# The same for all trainings, and said once for all
SAID_ONCE = frozenset({"versions", "extractors"})
# Kept of the first seed: large, and one shows enough
OF_ONE_SEED = frozenset({"drawn"})


@dataclass(frozen=True)
class StudyTable:
    """A table of a report.

    :param title: what it shows, as a caption
    :param make: its Markdown, with a sentence on how to read it where needed
    :param in_report: whether the study's report has it; else it is for a page of the docs
    """

    title: str
    make: Callable[[Results], str]
    in_report: bool = True


@dataclass(frozen=True)
class Picture:
    """A figure of a report, likewise."""

    title: str
    make: Callable[[Results], Figure]
    in_report: bool = True


@dataclass(frozen=True)
class Study:
    """A comparison.

    :param summary: a line for ``--help``
    :param variants: what is compared
    :param tables: by name
    :param pictures: by name
    :param leaves_out: what of a training's record the tables and figures do without
    """

    name: str
    summary: str
    variants: Callable[[], list[Variant]]
    tables: dict[str, StudyTable]
    pictures: dict[str, Picture]
    leaves_out: frozenset[str] = frozenset()

    def gather(self, out: Path, benches: Mapping[str, Bench], command: str, machine: dict[str, Any]) -> Results:
        """Writes ``study.json``: all trainings on the data that are there, also of former calls.

        :param out: the study's folder
        :param benches: by name of the data
        :param command: that the user gave
        :param machine: as ``conditions.machine`` has it
        """
        found = read_records(self.variants(), {name: bench.key for name, bench in benches.items()}, out / "jobs")
        first = min((record["seed"] for record in found), default=0)
        left_out = self.leaves_out | SAID_ONCE
        records = [
            {name: value for name, value in record.items() if name not in (left_out if record["seed"] == first else left_out | OF_ONE_SEED)}
            for record in found
        ]
        data = {}
        for name, bench in benches.items():
            seeds = sorted({record["seed"] for record in records if record["data"] == name})
            measured = {"command": command, "seeds": seeds, "versions": versions(), "machine": machine}
            data[name] = bench.facts() | {"measured": measured}
        results = Results({"study": self.name, "data": data, "records": records})
        results.save(out / "study.json")
        return results

    def report(self, results: Results, out: Path) -> Path:
        """Writes ``report.md`` and its figures."""
        parts = [f"# {self.summary[0].upper()}{self.summary[1:]}"]
        parts += [f"## {table.title}\n\n{table.make(results)}" for table in self.tables.values() if table.in_report]
        for name, picture in self.pictures.items():
            if not picture.in_report:
                continue
            write(out / f"{name}.png", render(picture.make(results)))
            parts.append(f"![{picture.title}]({name}.png)\n\n{picture.title}.")
        path = out / "report.md"
        write(path, "\n\n".join([*parts, results.conditions()]) + "\n")
        return path
