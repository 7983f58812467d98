"""Scripts find each other in their folder; measurements made by hand."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ca2_core.study.cases import Case, Study
from ca2_core.study.file import Section, read_file
from ca2_core.study.results import Results
from ca2_gan.study.spec import REAL, make_study
from ca2_gan.study.training import SECOND

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


def results_of(study: Study, records: list[dict[str, Any]], command: str) -> Results:
    return Results(
        {
            "study": study.name,
            "title": study.title,
            "command": command,
            "versions": {"torch": "1"},
            "machine": {"cpu": "a CPU", "cores": 2, "jobs at a time": 2},
            "seeds": sorted({record["seed"] for record in records}),
            "measures": {task: vars(measure) for task, measure in study.measures.items()},
            "cases": [vars(case) for case in study.cases],
            "records": records,
        }
    )


@pytest.fixture
def made_by_hand() -> Callable[..., Results]:
    """The results of a study in which case i has the regret ``regret(i, seed)``; None is a failure."""

    def make(study: Study, regret: Callable[[int, int], float | None] = lambda i, seed: 10.0 + i + seed, seeds: int = 3) -> Results:
        records = []
        for i, case in enumerate(study.cases):
            for seed in range(seeds):
                value = regret(i, seed)
                records.append(failure(case, seed) if value is None else record(case, seed, value))
        return results_of(study, records, "ca2-rl study")

    return make


LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
TIME, LESS, IMAGES = {"cpu_minutes": 0.5}, {"cpu_minutes": 0.25}, {"images": 1000}


def of_letters(case: Case, seed: int, fcd: float) -> dict[str, Any]:
    """A plausible measurement of a GAN: later letters are harder."""
    classes = {name: {"n": 90, "fcd": fcd * (1 + i), "acc": None, "share": 1 / 26} for i, name in enumerate(LETTERS)}
    scores = {"fcd": fcd, "kl_class": 0.25, "kl_pixel": 0.1, "precision": 0.5, "recall": 0.4, "density": 0.4, "coverage": 0.3, "acc": None}
    second = {"fcd": 2 * fcd, "precision": 0.6, "recall": 0.3, "density": 0.5, "coverage": 0.2, "acc": None}
    shares = (0.125, 0.25, 0.5, 1.0)
    return {
        "variant": case.variant,
        "task": case.task,
        "seed": seed,
        "cpu": "a CPU",
        **scores,
        **{name + SECOND: value for name, value in second.items()},
        "classes": classes,
        "train_seconds": 10.0,
        "images": 1000,
        "images_per_s": 100.0,
        "parameters": {"generator": 2_000, "discriminator": 1_000},
        "curve": {
            "seconds": [10 * share for share in shares],
            "images": [int(1000 * share) for share in shares],
            "fcd": [fcd / share for share in shares],
        },
    }


def of_real_letters(case: Case) -> dict[str, Any]:
    scores = {"fcd": 5.0, "kl_class": 0.01, "kl_pixel": 0.0, "precision": 0.9, "recall": 0.9, "density": 1.0, "coverage": 0.9, "acc": 0.97}
    second = {"fcd": 4.0, "precision": 0.8, "recall": 0.7, "density": 1.0, "coverage": 0.9, "acc": 0.96}
    return {
        "variant": case.variant,
        "task": case.task,
        "seed": 0,
        "cpu": "a CPU",
        **scores,
        **{name + SECOND: value for name, value in second.items()},
        "classes": {name: {"n": 90, "fcd": 50.0 + i, "acc": 1.0, "share": 1 / 26} for i, name in enumerate(LETTERS)},
        "n": 2500,
        "watched": 8.0,
        "classifiers": {which: {"fingerprint": letter * 16, "accuracy": 0.95} for which, letter in (("first", "f"), ("second", "e"))},
        "looks": {name: {"ink": 0.1 + i / 100, "variance": 0.05} for i, name in enumerate(LETTERS)},
        "curve": {"seconds": [], "images": []},
        "train_seconds": None,
    }


@pytest.fixture
def gan_by_hand() -> Callable[..., Results]:
    """The results of a study of GANs on letters in which variant i has the FCD ``fcd(i, seed)``; None is a failure."""

    def make(
        name: str,
        fcd: Callable[[int, int], float | None] = lambda i, seed: 10.0 + i + seed,
        seeds: int = 3,
        budgets: tuple[dict[str, Any], ...] = (TIME,),
    ) -> Results:
        from gan_reports import FILES

        content = read_file(FILES / f"gan-{name}.yml").values
        variants = {label: {k: v for k, v in said.items() if k != "tasks"} for label, said in content["variants"].items()}
        own = {"data": {"letters": {"source": "glyphs"}}, "budgets": list(budgets), "variants": variants}
        study, records = make_study(Section(content | own, name), name, FILES), []
        labels = list(variants)
        for case in study.cases:
            if case.variant == REAL:
                records.append(of_real_letters(case))
                continue
            for seed in range(seeds):
                value = fcd(labels.index(case.variant), seed)
                records.append(failure(case, seed) if value is None else of_letters(case, seed, value))
        return results_of(study, records, "ca2-gan study")

    return make
