"""The records of a study, with the queries and texts that tables and figures need."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_core.files import whole_file
from ca2_core.statistics import iqm, iqm_interval
from ca2_core.study.cases import Measure
from ca2_core.study.store import read_record

# Up to this many variants that ran on another processor are named; more are counted
NAMED = 12

Record = dict[str, Any]
Records = list[Record]
Array = NDArray[np.float64]


class Results:
    """Content of a ``study.json``.

    :param content: as read from the file
    """

    def __init__(self, content: dict[str, Any]):
        self.content = content
        self.records: Records = content["records"]
        self.cases: dict[tuple[str, str], dict[str, Any]] = {(case["variant"], case["task"]): case for case in content["cases"]}

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Reads a ``study.json``.

        :raises UserError: if the file is damaged
        """
        return cls(read_record(path))

    def save(self, path: Path) -> None:
        """Writes ``study.json``, with one line for each case and record."""
        content = dict(self.content)
        lists = {name: ",\n".join(json.dumps(item) for item in content.pop(name)) for name in ("cases", "records")}
        head = json.dumps(content, indent=1).removesuffix("\n}")
        with whole_file(path) as partial:
            partial.write_text(head + "".join(f',\n "{name}": [\n{lines}\n]' for name, lines in lists.items()) + "\n}\n", encoding="utf-8")

    @property
    def tasks(self) -> list[str]:
        """Tasks that have records other than those of references, in the study's order."""
        there = {record["task"] for record in self.records if not self._is_reference(record)}
        return [task for task in dict.fromkeys(task for _, task in self.cases) if task in there]

    def groups(self, task: str) -> list[str]:
        """Groups of a task that have records, without references; an empty name for variants without a group."""
        there = {record["variant"] for record in self.records if record["task"] == task}
        cases = [case for (variant, its), case in self.cases.items() if its == task and variant in there]
        return list(dict.fromkeys(case["group"] for case in cases if not case.get("is_reference")))

    def measure(self, task: str) -> Measure:
        """The measure by which a task's variants are compared."""
        described: Mapping[str, Any] = self.content["measures"][task]
        read: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in described.items()}
        return Measure(**read)

    def settings(self, record: Record) -> Mapping[str, Any]:
        """The settings that a record was measured with."""
        settings: Mapping[str, Any] = self.cases[record["variant"], record["task"]]["settings"]
        return settings

    def by_variant(self, task: str | None = None, group: str | None = None) -> dict[str, Records]:
        """The records of each variant, in the study's order.

        :param task: only records of this task; None for all
        :param group: only records of this group; references are in every group
        """
        groups: dict[str, Records] = defaultdict(list)
        for record in self.records:
            case = self.cases[record["variant"], record["task"]]
            if task in (None, record["task"]) and (group in (None, case["group"]) or self._is_reference(record)):
                groups[record["variant"]].append(record)
        return dict(groups)

    def _is_reference(self, record: Record) -> bool:
        return bool(self.cases[record["variant"], record["task"]].get("is_reference"))  # since 0.2.0

    def conditions(self) -> str:
        """A sentence that says where the numbers come from."""
        content = self.content
        versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
        machine = content["machine"]
        where = f"{machine['cores']} cores ({machine['cpu']}), {machine['jobs at a time']} at a time"
        return f"Measured by `{content['command']}` on {where}, with {versions}.{self._elsewhere()}"

    def _elsewhere(self) -> str:
        """Sentences that name what ran on other processors, whose seconds are not comparable."""
        here, variants = self.content["machine"]["cpu"], defaultdict[str, list[str]](list)
        for record in self.records:
            variants[record["cpu"]].append(record["variant"])
        return "".join(f" On {cpu}: {self._which(found)}." for cpu, found in variants.items() if cpu != here)

    def _which(self, variants: list[str]) -> str:
        """The names of the variants, or the number of trainings if there are too many names to read."""
        names = dict.fromkeys(variants)
        return "; ".join(names) if len(names) <= NAMED else f"{len(variants):,} of the {len(self.records):,} trainings"


def succeeded(records: Records) -> Records:
    """The records without those of failed jobs."""
    return [record for record in records if "error" not in record]


def scores(records: Records, name: str) -> Array:
    """The value of one key in all successful records where it is not None, [seeds]."""
    found = [record[name] for record in succeeded(records)]
    return np.array([value for value in found if value is not None], dtype=np.float64)


def reached(record: Record, measure: Measure, threshold: float, axis: str) -> float:
    """Position on the axis where the curve first reaches the threshold; infinite if never.

    :param axis: key in ``curve`` of that axis, such as "steps" or "seconds"
    """
    curve, sign = record["curve"], 1 if measure.lower_is_better else -1
    values = zip(curve[axis], curve[measure.name], strict=True)
    return next((where for where, value in values if value is not None and sign * value <= sign * threshold), math.inf)


def mean_text(values: Array, digits: int = 1) -> str:
    """The mean; a dash without values."""
    return f"{values.mean():,.{digits}f}" if len(values) else "-"


def std_text(values: Array, digits: int = 1) -> str:
    """The sample standard deviation; a dash for fewer than two values."""
    return f"{values.std(ddof=1):,.{digits}f}" if len(values) > 1 else "-"


def iqm_text(values: Array, digits: int = 1) -> str:
    """Interquartile mean with its 95 % interval."""
    if len(values) == 0:
        return "-"
    bounds = iqm_interval(values)
    return f"{iqm(values):,.{digits}f}" + (f" [{bounds[0]:,.{digits}f}, {bounds[1]:,.{digits}f}]" if bounds else "")


def range_text(values: Array) -> str:
    """The lowest and the highest value."""
    return f"{values.min():,.1f} to {values.max():,.1f}" if len(values) else "-"


def reached_text(records: Records, measure: Measure, threshold: float, axis: str = "", digits: int = 0) -> str:
    """Median over the seeds of where the threshold is reached, and how many seeds reached it. A seed that never does counts as infinite.

    A dash if a record has no curve: those of the docs may lack it.

    :param axis: overrides the measure's axis
    """
    if any("curve" not in record for record in succeeded(records)):
        return "-"
    values = [math.inf if "error" in record else reached(record, measure, threshold, axis or measure.axis) for record in records]
    count = sum(map(math.isfinite, values))
    median = float(np.median(values)) if math.isfinite(np.median(values)) else math.inf
    return (f"{median:,.{digits}f}" if math.isfinite(median) else "never") + f" ({count} of {len(values)})"


def failures_text(records: Records) -> str:
    """How many records failed, with the first error; empty if none did."""
    failed = [record for record in records if "error" in record]
    return f"{len(failed)} of {len(records)} failed: {failed[0]['error'].replace('|', '/')}" if failed else ""


def label_text(label: str, records: Records) -> str:
    """Label of a row: the name, the number of seeds, and failures."""
    failed = failures_text(records)
    return f"{label} ({len(records)} seed{'s' * (len(records) != 1)}{'; ' + failed if failed else ''})"
