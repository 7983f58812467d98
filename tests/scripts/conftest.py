"""Scripts find each other in their folder; measurements made by hand."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ca2_core.study.cases import Case, Study
from ca2_core.study.results import Results

SCRIPTS = str(Path(__file__).parents[2] / "scripts")
if SCRIPTS not in sys.path:
    sys.path.append(SCRIPTS)


def record(case: Case, seed: int, regret: float) -> dict[str, Any]:
    """A plausible measurement: the regret falls from 1,200 to its final value."""
    steps = list(range(1000, 20001, 1000))
    regrets = regret + (1200 - regret) * np.exp(-np.arange(20) / 2.5)
    is_noisy = case.settings["algo"] == "noisydqn"
    layers = {f"sigma_{i}": list(np.linspace(0.05, 0.01 * (i + 1), 20)) for i in range(3)} if is_noisy else {}
    return {
        "variant": case.variant,
        "task": case.task,
        "seed": seed,
        "cpu": "a CPU",
        "curve": {"steps": steps, "seconds": [step / 500 for step in steps], "return": list(-130 - regrets), "regret": list(regrets)},
        "return": -130 - regret,
        "regret": regret,
        "regret_percentiles": list(regret * np.linspace(0.01, 2, 101)),
        "return_percentiles": list(-130 - regret * np.linspace(2, 0.01, 101)),
        "training_returns": list(-130 - np.repeat(regrets, 5)),
        "late": {"gradient_norm": 1 + np.log(regret), "return_std": 2 * regret, "return_mean": -130 - regret},
        "diagnostics": {"steps": steps, "gradient_norm": [1.0] * 20} | layers,
        "train_seconds": 40.0,
        "compile_seconds": 2.0,
    }


def failure(case: Case, seed: int) -> dict[str, Any]:
    return {"variant": case.variant, "task": case.task, "seed": seed, "cpu": "a CPU", "error": "ValueError: no | luck"}


@pytest.fixture
def made_by_hand() -> Callable[..., Results]:
    """The results of a study in which case i has the regret ``regret(i, seed)``; None is a failure."""

    def make(study: Study, regret: Callable[[int, int], float | None] = lambda i, seed: 10.0 + i + seed, seeds: int = 3) -> Results:
        records = []
        for i, case in enumerate(study.cases):
            for seed in range(seeds):
                value = regret(i, seed)
                records.append(failure(case, seed) if value is None else record(case, seed, value))
        return Results(
            {
                "study": study.name,
                "title": study.title,
                "command": "ca2-rl study",
                "versions": {"torch": "1"},
                "machine": {"cpu": "a CPU", "cores": 2, "jobs at a time": 2},
                "seeds": list(range(seeds)),
                "measures": {task: vars(measure) for task, measure in study.measures.items()},
                "cases": [vars(case) for case in study.cases],
                "records": records,
            }
        )

    return make
