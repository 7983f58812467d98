"""The measurements of a study, as tables and figures ask for them."""

import math
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_rl.statistics import iqm, iqm_interval

# The regret that counts as solved
TARGET = 15.0
# Mean return of the optimum over the env's own starts, see docs/rl/optimum.md: the coursework gives returns only
OPTIMUM = -137.0
# Variants of another processor that the conditions name; more are counted
NAMED = 12

Record = dict[str, Any]
Records = list[Record]
Array = NDArray[np.float64]


class Results:
    """What ``study.json`` says.

    :param content: as read from the file
    """

    def __init__(self, content: dict[str, Any]):
        self.content = content
        self.records: Records = content["records"]

    def tagged(self, **tags: Any) -> Records:
        """The trainings of the variants that have all of these tags."""
        return [record for record in self.records if all(record["tags"].get(name) == value for name, value in tags.items())]

    def by_label(self, **tags: Any) -> dict[str, Records]:
        """The same, by variant."""
        groups: dict[str, Records] = defaultdict(list)
        for record in self.tagged(**tags):
            groups[record["label"]].append(record)
        return dict(groups)

    def conditions(self) -> str:
        """A sentence on where the numbers come from."""
        content = self.content
        versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
        machine = content["machine"]
        where = f"{machine['cores']} cores ({machine['cpu']}), {machine['trainings at a time']} at a time"
        return f"Measured by `{content['command']}` on {where}, with {versions}.{self._elsewhere()}"

    def _elsewhere(self) -> str:
        """What was trained on other processors: seconds are no comparison there."""
        here, labels = self.content["machine"]["cpu"], defaultdict[str, list[str]](list)
        for record in self.records:
            labels[record.get("cpu", here)].append(record["label"])
        return "".join(f" On {cpu}: {self._which(found)}." for cpu, found in labels.items() if cpu != here)

    def _which(self, labels: list[str]) -> str:
        """The variants of these trainings, or, where a reader would skip so many names, the number of the trainings."""
        names = dict.fromkeys(labels)
        return "; ".join(names) if len(names) <= NAMED else f"{len(labels):,} of the {len(self.records):,} trainings"


def succeeded(records: Records) -> Records:
    """Without those that failed."""
    return [record for record in records if "error" not in record]


def scores(records: Records, name: str = "regret") -> Array:
    """A number of each training that succeeded, [seeds]."""
    return np.array([record[name] for record in succeeded(records)], dtype=np.float64)


def returns_during(records: Records) -> Array:
    """Mean return of each training's own episodes, exploration included, of those that succeeded and ended an episode."""
    return np.array([np.mean(record["training_returns"]) for record in succeeded(records) if record["training_returns"]])


def reached(record: Record, what: str) -> float:
    """Where the regret was first evaluated at ``TARGET`` or less; infinite if never.

    :param what: "steps" or "seconds" on a core
    """
    curve = record["curve"]
    return next((value for value, regret in zip(curve[what], curve["regret"], strict=True) if regret <= TARGET), math.inf)


def markdown(header: list[str], rows: list[list[str]], texts: int = 1) -> str:
    """A table whose first ``texts`` columns are aligned to the left and the others to the right; a sentence where there is no row."""
    if not rows:
        return "Nothing of this has been trained yet."
    lines = [header, ["---"] * texts + ["---:"] * (len(header) - texts), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def mean_text(values: Array, digits: int = 1) -> str:
    """The mean; a dash for nothing."""
    return f"{values.mean():,.{digits}f}" if len(values) else "-"


def std_text(values: Array) -> str:
    """The sample's standard deviation; a dash for fewer than two."""
    return f"{values.std(ddof=1):,.1f}" if len(values) > 1 else "-"


def iqm_text(values: Array) -> str:
    """Interquartile mean with its 95 % interval."""
    if len(values) == 0:
        return "-"
    bounds = iqm_interval(values)
    return f"{iqm(values):,.1f}" + (f" [{bounds[0]:,.1f}, {bounds[1]:,.1f}]" if bounds else "")


def range_text(values: Array) -> str:
    """The lowest and the highest."""
    return f"{values.min():,.1f} to {values.max():,.1f}" if len(values) else "-"


def reached_text(records: Records, what: str, digits: int = 0) -> str:
    """Median over the seeds, where one that never gets there counts as infinite, and how many did."""
    values = [math.inf if "error" in record else reached(record, what) for record in records]
    count = sum(map(math.isfinite, values))
    median = float(np.median(values)) if math.isfinite(np.median(values)) else math.inf
    return (f"{median:,.{digits}f}" if math.isfinite(median) else "never") + f" ({count} of {len(values)})"


def failures_text(records: Records) -> str:
    """How many failed, and of what: empty if none."""
    failed = [record for record in records if "error" in record]
    return f"{len(failed)} of {len(records)} failed: {failed[0]['error'].replace('|', '/')}" if failed else ""


def label_text(label: str, records: Records) -> str:
    """A row's name, its number of seeds and what went wrong."""
    failed = failures_text(records)
    return f"{label} ({len(records)} seed{'s' * (len(records) != 1)}{'; ' + failed if failed else ''})"
