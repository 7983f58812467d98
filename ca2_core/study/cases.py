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

    :param variant: what tables and figures call it
    :param task: what it is done on, such as an environment or a data set; variants are compared within a task
    :param settings: everything that decides a record but the seed, ready for JSON
    :param bench: which of the study's benches its jobs are given
    :param group: of variants that a report shows together
    :param seeds: how many of the study's seeds it is run with, the first ones; None: all
    :param is_reference: whether it belongs to every part of its task that is run or shown, such as the numbers of a perfect model
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
    """The number that a task's variants are compared by.

    :param name: key of a record; its curve is in the record under ``curve``
    :param lower_is_better: such as a distance or a regret
    :param thresholds: values that a report says when each variant reaches them
    :param axis: list of the curve that it is drawn over, such as "steps" or "seconds"
    :param digits: of it behind the point
    :param others: further keys of a record, whose means a report has
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

    :param name: of its folder
    :param title: first line of its report
    :param cases: what is compared
    :param seeds: of each case
    :param measures: by task
    """

    name: str
    title: str
    cases: Sequence[Case]
    seeds: Sequence[int]
    measures: Mapping[str, Measure] = field(default_factory=dict)


def jobs_of(cases: Sequence[Case], seeds: Iterable[int]) -> list[Job]:
    """Every case with every seed: all of the first seed, then all of the next, so that a part is a small study.

    Cases of the same settings are run once.
    """
    distinct: dict[tuple[str, int], Job] = {}
    for i, seed in enumerate(seeds):
        for case in cases:
            if case.seeds is None or i < case.seeds:
                distinct.setdefault((json.dumps(case.settings, sort_keys=True), seed), Job(case, seed))
    return list(distinct.values())


def select(cases: Sequence[Case], patterns: Sequence[str] | None) -> list[Case]:
    """All cases, or those whose variant or task has one of these names. A word that is no name selects what contains or matches it.

    References of the selected tasks are selected as well.

    :param patterns: in any case, with * and ? as in a shell
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
