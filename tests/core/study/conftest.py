"""A study whose jobs take no time."""

from types import SimpleNamespace

import pytest

from ca2_core.study.cases import Case, Measure, Study
from ca2_core.study.results import Results

VERSIONS = {"torch": "1"}


def case(variant: str, task: str = "a task", group: str = "", **settings: object) -> Case:
    return Case(variant, task, {"name": variant} | settings, bench=task, group=group)


def record(case: Case, seed: int, score: float | None) -> dict:
    """A record with a curve that approaches its score; None is a failure."""
    known = {"variant": case.variant, "task": case.task, "seed": seed, "cpu": "a CPU"}
    if score is None:
        return known | {"error": "ValueError: no | luck"}
    curve = {"steps": [100, 200, 300], "seconds": [1.0, 2.0, 3.0], "regret": [100.0, score + 10, score]}
    return known | {"curve": curve, "regret": score, "regret_percentiles": [score] * 101, "train_seconds": 3.0}


def results_of(study: Study, score=lambda i, seed: 10.0 + i + seed, seeds: int = 3) -> Results:
    """The results of a study in which case i has the score ``score(i, seed)``."""
    records = [record(case, seed, score(i, seed)) for i, case in enumerate(study.cases) for seed in range(seeds)]
    return Results(
        {
            "study": study.name,
            "title": study.title,
            "command": "ca2-rl study a.yml",
            "versions": VERSIONS,
            "machine": {"cpu": "a CPU", "cores": 2, "jobs at a time": 2},
            "seeds": list(range(seeds)),
            "measures": {task: vars(measure) for task, measure in study.measures.items()},
            "cases": [vars(case) for case in study.cases],
            "records": records,
        }
    )


@pytest.fixture
def study() -> Study:
    cases = [case("one"), case("two"), case("one", task="another: task")]
    measure = Measure("regret", lower_is_better=True, thresholds=(15.0,))
    return Study("small", "A small study", cases, [0, 1, 2], {"a task": measure, "another: task": measure})


@pytest.fixture
def by_hand() -> SimpleNamespace:
    """Makes cases and results."""
    return SimpleNamespace(case=case, results_of=results_of)
