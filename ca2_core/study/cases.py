"""What a study consists of: cases, each run with several seeds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import compress
from typing import Any


@dataclass(frozen=True)
class Case:
    """A variant on a task.

    :param variant: name in tables and figures
    :param task: what is trained on, such as an environment or a data set; variants are compared within a task
    :param settings: everything except the seed that decides a record; can be written as JSON
    :param bench: name of the shared data that the jobs get, see ``runner.run``
    :param group: variants of the same group are shown together in a report
    :param seeds: run with this many of the study's seeds, from the first; None for all
    :param is_reference: whether it is run and shown with any selection or group of its task, such as the numbers of a perfect model
    """

    variant: str
    task: str
    settings: Mapping[str, Any]
    bench: str = ""
    group: str = ""
    seeds: int | None = None
    is_reference: bool = False


@dataclass(frozen=True)
class Job:
    """One run of a case."""

    case: Case
    seed: int


@dataclass(frozen=True)
class Measure:
    """The number by which the variants of a task are compared.

    :param name: its key in a record, and in the record's ``curve``
    :param lower_is_better: True for a distance or a regret, for instance
    :param thresholds: the report says when each variant reaches these values
    :param axis: key in ``curve`` of the horizontal axis, such as "steps" or "seconds"
    :param digits: decimal places
    :param others: further keys of a record; the report shows their means
    """

    name: str
    lower_is_better: bool = False
    thresholds: tuple[float, ...] = ()
    axis: str = "steps"
    digits: int = 1
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """A comparison.

    :param name: name of its folder
    :param title: heading of its report
    :param cases: what is compared
    :param seeds: seeds of each case
    :param measures: measure of each task
    """

    name: str
    title: str
    cases: Sequence[Case]
    seeds: Sequence[int]
    measures: Mapping[str, Measure] = field(default_factory=dict)


def jobs_of(cases: Sequence[Case], seeds: Iterable[int]) -> list[Job]:
    """Every case with every seed, ordered by seed: a study that is stopped early has complete results for fewer seeds.

    Cases with the same settings are run once.
    """
    distinct: dict[tuple[str, int], Job] = {}
    for i, seed in enumerate(seeds):
        for case in cases:
            if case.seeds is None or i < case.seeds:
                distinct.setdefault((json.dumps(case.settings, sort_keys=True), seed), Job(case, seed))
    return list(distinct.values())


def select(cases: Sequence[Case], patterns: Sequence[str] | None) -> list[Case]:
    """Selects cases by names of variants or tasks. A pattern that is not an exact name selects all names that contain or match it.

    References of the selected tasks are selected as well.

    :param patterns: case-insensitive, with * and ? as in a shell; empty or None for all cases
    """
    if not patterns:
        return list(cases)
    names = [(case.variant.lower(), case.task.lower()) for case in cases]
    known = {name for pair in names for name in pair}
    asked = [pattern.lower() for pattern in patterns]
    parts = [f"*{pattern}*" for pattern in asked if pattern not in known]
    meant = [any(name in asked or any(fnmatch(name, part) for part in parts) for name in pair) for pair in names]
    tasks = {case.task for case in compress(cases, meant)}
    return [case for case, is_meant in zip(cases, meant, strict=True) if is_meant or (case.is_reference and case.task in tasks)]
