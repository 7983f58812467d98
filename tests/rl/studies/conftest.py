"""Studies that take seconds, and measurements made by hand."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ca2_rl.optimum import PendulumOptimum
from ca2_rl.studies.jobs import Variant
from ca2_rl.studies.results import Results
from ca2_rl.studies.training import Evaluations, Starts

QUICK = {"n_timesteps": 300, "policy": "MlpPolicy", "learning_starts": 100, "batch_size": 8, "policy_kwargs": {"net_arch": [8]}}


@pytest.fixture(scope="session")
def evaluations() -> Evaluations:
    """Few starts, and an optimum on a coarse grid: for where its numbers don't matter."""
    optimum = PendulumOptimum(grid=(60, 61))
    return Evaluations(Starts.sample(5, 0, optimum), Starts.sample(6, 1, optimum))


@pytest.fixture
def two_variants() -> list[Variant]:
    return [Variant("one", "discretizeddqn", QUICK | {"n_bins": 3}), Variant("two", "discretizeddqn", QUICK | {"n_bins": 5})]


def record(variant: Variant, seed: int, regret: float) -> dict[str, Any]:
    """A plausible measurement: the regret falls from 1,200 to its final value."""
    steps = list(range(1000, 20001, 1000))
    regrets = regret + (1200 - regret) * np.exp(-np.arange(20) / 2.5)
    layers = {f"sigma_{i}": list(np.linspace(0.05, 0.01 * (i + 1), 20)) for i in range(3)} if variant.algo == "noisydqn" else {}
    return {
        "label": variant.label,
        "tags": variant.tags,
        "algo": variant.algo,
        "hyperparams": variant.hyperparams,
        "seed": seed,
        "steps": 20000,
        "curve": {"steps": steps, "seconds": [step / 500 for step in steps], "return": list(-130 - regrets), "regret": list(regrets)},
        "return": -130 - regret,
        "regret": regret,
        "regret_percentiles": list(regret * np.linspace(0.01, 2, 101)),
        "training_returns": list(-130 - np.repeat(regrets, 5)),
        "late": {"gradient_norm": 1 + np.log(regret), "return_std": 2 * regret, "return_mean": -130 - regret},
        "diagnostics": {"steps": steps, "gradient_norm": [1.0] * 20} | layers,
        "train_seconds": 40.0,
        "compile_seconds": 2.0,
    }


def failure(variant: Variant, seed: int) -> dict[str, Any]:
    return {
        "label": variant.label,
        "tags": variant.tags,
        "algo": variant.algo,
        "seed": seed,
        "steps": 20000,
        "error": "ValueError: no | luck",
    }


@pytest.fixture
def made_by_hand() -> Callable[..., Results]:
    """The results of a study in which variant i has the regret ``regret(i, seed)``; None is a failure."""

    def make(study, regret: Callable[[int, int], float | None] = lambda i, seed: 10.0 + i + seed, seeds: int = 3) -> Results:
        records = []
        for i, variant in enumerate(study.variants()):
            for seed in range(seeds):
                value = regret(i, seed)
                records.append(failure(variant, seed) if value is None else record(variant, seed, value))
        machine = {"cpu": "a CPU", "cores": 2, "trainings at a time": 2}
        kept = [{name: value for name, value in each.items() if name not in study.leaves_out} for each in records]
        return Results({"command": "ca2-rl study", "versions": {"torch": "1"}, "machine": machine, "records": kept})

    return make


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")
