"""Trainings that take a moment, and measurements made by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ca2_gan.data.cleaning import Raw, clean
from ca2_gan.metrics import classifier
from ca2_gan.studies.bench import Bench
from ca2_gan.studies.jobs import Variant
from ca2_gan.studies.results import Results

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
TINY = {"model": "dcgan_radford", "options": ("width=8",), "batch_size": 8}


@pytest.fixture(scope="session")
def bench(tmp_path_factory) -> Bench:
    """700 noisy bars of three classes A, B, C, and a classifier that had little time for them."""
    rng = np.random.default_rng(0)
    labels = np.arange(700, dtype=np.int64) % 3
    images = rng.integers(0, 60, (700, 16, 16), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 + 4 * label : 5 + 4 * label] += 180
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CA2_GAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(classifier, "FEWEST", 5_120)
        patch.setattr(classifier, "MOST", 5_120)
        made = Bench.prepare("bars", clean(Raw("bars", images, labels, dict(enumerate("ABC")))))
        made.facts()  # what it keeps in the cache, it has seen now
    return made


@pytest.fixture
def two_variants() -> list[Variant]:
    return [Variant("one", TINY), Variant("two", TINY | {"spectral_norm": True})]


def record(variant: Variant, seed: int, fcd: float, budget: dict[str, Any], names: tuple[str, ...] = LETTERS) -> dict[str, Any]:
    """A plausible measurement: later letters are harder."""
    classes = {name: {"n": 90, "fcd": fcd * (1 + i), "acc": None, "share": 1 / len(names)} for i, name in enumerate(names)}
    curve = [{"seconds": 10.0 * share, "images": int(1000 * share), "fcd": fcd / share} for share in (0.125, 0.25, 0.5, 1.0)]
    return {
        "label": variant.label,
        "tags": variant.tags,
        "model": variant.model,
        "data": "letters",
        "budget": budget,
        "seed": seed,
        "cpu_seconds": 10.0,
        "images": 1000,
        "images_per_s": 100.0,
        "parameters": {"generator": 2_000, "discriminator": 1_000},
        "scores": {"fcd": fcd, "kl_class": 0.25, "precision": 0.5, "recall": 0.4, "acc": None},
        "second": {"fcd": 2 * fcd, "precision": 0.6, "recall": 0.3, "acc": None},
        "classes": classes,
        "curve": curve,
    }


@pytest.fixture
def made_by_hand() -> Callable[..., Results]:
    """The results of a study in which variant i has the FCD ``fcd(i, seed)``; None is a failure."""

    def make(
        study,
        fcd: Callable[[int, int], float | None] = lambda i, seed: 10.0 + i + seed,
        seeds: int = 3,
        budgets: tuple[dict[str, Any], ...] = ({"minutes": 0.5, "images": None},),
    ) -> Results:
        records = []
        for budget in budgets:
            for i, variant in enumerate(study.variants()):
                for seed in range(seeds):
                    value = fcd(i, seed)
                    whole = record(variant, seed, value or 1.0, budget)
                    kept = ("label", "tags", "model", "data", "budget", "seed")
                    failed = {name: whole[name] for name in kept} | {"error": "ValueError: no | luck"}
                    records.append(failed if value is None else whole)
        facts = {
            "n": 2500,
            "extractors": {
                judge: {"fingerprint": letter * 16, "held_out_accuracy": 0.95} for judge, letter in (("first", "f"), ("second", "e"))
            },
            "floor": {
                "scores": {"fcd": 5.0, "kl_class": 0.01, "precision": 0.9, "recall": 0.9, "acc": 0.97},
                "classes": {name: {"n": 90, "fcd": 50.0 + i, "acc": 1.0, "share": 1 / 26} for i, name in enumerate(LETTERS)},
                "second": {"fcd": 4.0, "precision": 0.8, "recall": 0.7, "acc": 0.96},
            },
            "watched": 500,
            "watched_floor": 8.0,
            "classes": {name: {"ink": 0.1 + i / 100, "variance": 0.05} for i, name in enumerate(LETTERS)},
        }
        machine = {"cpu": "a CPU", "cores": 2, "trainings at a time": 2}
        kept_records = [{name: value for name, value in each.items() if name not in study.leaves_out} for each in records]
        measured = {"command": "ca2-gan study", "seeds": list(range(seeds)), "versions": {"torch": "1"}, "machine": machine}
        return Results({"study": study.name, "data": {"letters": facts | {"measured": measured}}, "records": kept_records})

    return make
