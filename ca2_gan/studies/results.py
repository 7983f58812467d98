"""The measurements of a study, as tables and figures ask for them."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_gan.drawing import write
from ca2_gan.studies.jobs import Budget

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
        self.data: dict[str, dict[str, Any]] = content["data"]

    def tagged(self, **tags: Any) -> Records:
        """The trainings of the variants that have all of these tags."""
        return [record for record in self.records if all(record["tags"].get(name) == value for name, value in tags.items())]

    def groups(self) -> dict[tuple[str, Budget], Records]:
        """The trainings that can be compared: those on the same data with the same budget; time first, the larger first."""
        groups: dict[tuple[str, Budget], Records] = defaultdict(list)
        for record in self.records:
            groups[record["data"], Budget(**record["budget"])].append(record)
        names = list(self.data)
        return dict(
            sorted(groups.items(), key=lambda item: (names.index(item[0][0]), -(item[0][1].minutes or 0), -(item[0][1].images or 0)))
        )

    def main(self) -> dict[str, tuple[Budget, Records]]:
        """By data, the trainings of the budget that most variants had: of time, or, without one, of images; of several the largest."""
        chosen: dict[str, tuple[Budget, Records]] = {}
        for (data, budget), records in self.groups().items():
            if data not in chosen or _shared(budget, records) > _shared(*chosen[data]):
                chosen[data] = budget, records
        return chosen

    def only(self, records: Records) -> "Results":
        """Some of the trainings, and the data that they are on."""
        used = {record["data"] for record in records}
        data = {name: facts for name, facts in self.data.items() if name in used}
        return Results(self.content | {"data": data, "records": records})

    def conditions(self) -> str:
        """Where the numbers come from: of each data set a line, and below it the calls."""
        return "\n".join(f"- {_conditions(name, facts)}{self._elsewhere(name)}{self._commands(name)}" for name, facts in self.data.items())

    def _commands(self, data: str) -> str:
        """The calls, and how many of the trainings are of each."""
        last = self.data[data]["measured"]["command"]
        calls = Counter(record.get("command", last) for record in self.records if record["data"] == data)
        return "".join(f"\n  - `{call}`: {n} training{'s' if n > 1 else ''}" for call, n in calls.items())

    def _elsewhere(self, data: str) -> str:
        """What was trained on other processors: neither speeds nor what a budget of CPU minutes gives are a comparison there."""
        here = self.data[data]["measured"]["machine"]["cpu"]
        counts = Counter(record.get("cpu", here) for record in self.records if record["data"] == data)
        return "".join(f" {n} of {counts.total()} trainings ran on {cpu}." for cpu, n in counts.items() if cpu != here)

    def joined(self, former: "Results") -> "Results":
        """These, and those of a former call on other data; data keep their place."""
        records = [record for record in former.records if record["data"] not in self.data]
        return Results(self.content | {"data": former.data | self.data, "records": records + self.records})

    def save(self, path: Path) -> None:
        """Writes ``study.json``, whole or not at all."""
        head = json.dumps({name: value for name, value in self.content.items() if name != "records"}, indent=1)
        lines = ",\n".join(json.dumps(record) for record in self.records)  # a line each
        write(path, f'{head[:-2]},\n "records": [\n{lines}\n]\n}}\n')


def _shared(budget: Budget, records: Records) -> tuple[bool, int]:
    """Whether a budget is of time, and how many variants had it."""
    return budget.minutes is not None, len(by_label(records))


def _conditions(name: str, facts: dict[str, Any]) -> str:
    measured, (first, second) = facts["measured"], (classifier_text(facts["extractors"][which]) for which in ("first", "second"))
    versions = ", ".join(f"{package} {number}" for package, number in measured["versions"].items())
    machine = measured["machine"]
    where = f"{machine['cores']} cores ({machine['cpu']})"
    classifiers = f"{facts['n']:,} images on each side, classifier {first}, second classifier {second} on the held-out split"
    return f"{name}: measured on {where}, with {versions}; {classifiers}."


def classifier_text(extractor: dict[str, Any]) -> str:
    """Hash and accuracy of a reference classifier."""
    return f"{extractor['fingerprint']} with {extractor['held_out_accuracy']:.1%}"


def by_label(records: Iterable[Record]) -> dict[str, Records]:
    """The trainings of each variant."""
    groups: dict[str, Records] = defaultdict(list)
    for record in records:
        groups[record["label"]].append(record)
    return dict(groups)


def succeeded(records: Records) -> Records:
    """Without those that failed."""
    return [record for record in records if "error" not in record]


def values(records: Records, name: str, scores: str = "scores") -> Array:
    """A number of each training that succeeded and has it, [seeds]: a score, or an entry of the record.

    :param scores: the first classifier's, or "second"
    """
    found = [record[scores].get(name, record.get(name)) for record in succeeded(records)]
    return np.array([value for value in found if value is not None], dtype=np.float64)


def class_distances(records: Records, names: Iterable[str]) -> Array:
    """FCD of each class, mean over the trainings: [K]; infinite where one of them made too few images of the class to tell."""
    found = [[record["classes"].get(name, {}).get("fcd") for name in names] for record in succeeded(records)]
    table = np.array([[np.inf if value is None else value for value in row] for row in found], dtype=np.float64)
    mean: Array = table.mean(axis=0) if len(table) else np.empty(0)
    return mean


def spread_text(numbers: Array, digits: int) -> str:
    """Mean and, of several, the sample's standard deviation; a dash for nothing.

    :param digits: behind the point, of numbers below 100
    """
    if len(numbers) == 0:
        return "-"
    digits = 0 if abs(numbers.mean()) >= 100 else digits
    spread = f" ± {numbers.std(ddof=1):,.{digits}f}" if len(numbers) > 1 else ""
    return f"{numbers.mean():,.{digits}f}{spread}"


def mean_text(numbers: Array, digits: int = 0) -> str:
    """The mean; a dash for nothing."""
    return f"{numbers.mean():,.{digits}f}" if len(numbers) else "-"


def failures_text(records: Records) -> str:
    """How many failed, and of what: empty if none."""
    failed = [record for record in records if "error" in record]
    return f"{len(failed)} of {len(records)} failed: {failed[0]['error'].replace('|', '/')}" if failed else ""


def seeds_text(groups: Iterable[Records]) -> str:
    """How many seeds the groups have, each one's own."""
    counts = sorted({len(records) for records in groups})
    return f"{' to '.join(map(str, dict.fromkeys([counts[0], counts[-1]])))} seed{'s' * (counts[-1] != 1)}"


def label_text(label: str, records: Records) -> str:
    """A row's name, its number of seeds and what went wrong."""
    failed = failures_text(records)
    return f"{label} ({seeds_text([records])}{'; ' + failed if failed else ''})"


def caption(data: str, budget: Budget) -> str:
    """Of what these trainings had."""
    return f"{data}, {budget.name} a training"


def parts(sections: dict[str, str]) -> str:
    """Sections under bold titles, with a line between; a dash where there is none."""
    return "\n\n".join(f"**{title}**\n\n{text}" for title, text in sections.items()) or "-"
