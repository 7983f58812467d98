"""Time of ``ca2-gan evaluate``'s metrics, and of the Frechet distance against pytorch-fid's.

    python scripts/bench_gan_metrics.py && python scripts/tables.py

Glyphs stand for both sides, as many real ones as fakes; training the classifier is left out, seeing the images is not. Both
Frechet distances take the same moments, by turns, so that what else the machine does hits both; a ratio is that of two neighbours.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
import scipy.linalg
import torch
from publishing import DOCS, origin, parser, save, spread
from pytorch_fid.fid_score import calculate_frechet_distance

from ca2_gan.data import load
from ca2_gan.metrics import Missing, Moments, Reference, View, frechet_distance, moments
from ca2_gan.metrics.bootstrap import RESAMPLES, interval
from ca2_gan.metrics.samples import real_samples
from ca2_gan.metrics.suite import Suite

METRICS = ("fcd", "kcd", "intra", "kl", "prdc", "acc", "memorised")
# Glyphs to draw for 10,000 held-out ones
DRAWN = 75_000
DIMENSIONS = (64, 2048)

Clocks = dict[str, float]


def timed(work: Callable[[], Any]) -> tuple[Any, Clocks]:
    """Its result, and its seconds on the wall and on the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def features(n: int, dimensions: int, seed: int) -> np.ndarray:
    """Correlated features whose variances fall over five orders of magnitude, as Inception's do."""
    rng = np.random.default_rng(seed)
    made: np.ndarray = (rng.normal(size=(n, dimensions)) * np.logspace(0, -2.5, dimensions)) @ rng.normal(size=(dimensions, dimensions))
    return made / dimensions**0.5 + 0.1 * seed


def theirs(real: Moments, fake: Moments) -> float:
    """pytorch-fid's own function; SciPy 1.18 dropped the ``disp`` that it calls ``sqrtm`` with."""
    root = scipy.linalg.sqrtm
    with mock.patch.object(scipy.linalg, "sqrtm", lambda matrix, disp=None: (root(matrix), None)):
        return float(calculate_frechet_distance(real.mean, real.covariance, fake.mean, fake.covariance))


def bench_frechet(dimensions: int, rounds: int) -> dict[str, Any]:
    """Both implementations by turns on the moments of 5,000 images."""
    sides = [moments(features(5_000, dimensions, seed)) for seed in (0, 1)]
    measures: dict[str, Callable[[Moments, Moments], float]] = {"ours": frechet_distance, "pytorch-fid": theirs}
    values: dict[str, float] = {}
    times: dict[str, list[Clocks]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            values[name], clocks = timed(lambda measure=measure: measure(*sides))
            times[name].append(clocks)
    ratios = [their["cpu"] / our["cpu"] for our, their in zip(times["ours"], times["pytorch-fid"], strict=True)]
    return {
        "dimensions": dimensions,
        **{name: {clock: median(each[clock] for each in clocks) for clock in ("wall", "cpu")} for name, clocks in times.items()},
        "ratio": spread(ratios),
        "relative_difference": abs(values["ours"] - values["pytorch-fid"]) / values["pytorch-fid"],
    }


def bench_metrics(n: int | None, resamples: int) -> dict[str, Any]:
    """Seconds of what a first evaluation does once for the data, and of each metric of a candidate, intervals by themselves."""
    data = load("glyphs", size=DRAWN if n is None else 10 * n)
    train, test = data.train, data.test
    n = n or min(10_000, len(test))
    suite = Suite(METRICS, train, test, n)  # trains the classifier, or finds it
    training = suite.reference.train
    real, seen = View(suite.reference.real.samples, suite.extractors), View(training.samples, suite.extractors, once=training.once)
    reference = Reference(real, seen, train.class_names)
    once, each = {}, {}
    _, once["seeing the held-out images"] = timed(lambda: reference.real.features("classifier"))
    _, once["seeing the training split"] = timed(lambda: reference.train.features("classifier"))
    _, once["the held-out images' nearest training images"] = timed(lambda: reference.real.nearest_in(reference.train, "classifier"))
    fake = suite.view(real_samples(train, "glyphs").take(n, seed=1))
    _, each["seeing the fakes"] = timed(lambda: fake.features("classifier"))
    intervals = {"wall": 0.0, "cpu": 0.0}
    for name, metric in suite.metrics.items():
        numbers, each[f"`{name}`"] = timed(lambda metric=metric: metric.compute(reference, fake))
        _, clocks = timed(
            lambda numbers=numbers: [interval(number, resamples) for number in numbers.values() if not isinstance(number, Missing)]
        )
        intervals = {clock: intervals[clock] + seconds for clock, seconds in clocks.items()}
    each[f"intervals, {resamples} resamples"] = intervals
    return {"n": n, "training_images": len(reference.train.samples), "once": once, "each": each}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--n", type=int, help="images on each side (default: 10000)")
    options.add_argument("--rounds", type=int, default=5, help="of the Frechet distances (default: 5)")
    options.add_argument("--json", type=Path, default=DOCS / "gan" / "metrics.json", help="write here (default: docs/gan/metrics.json)")
    arguments = options.parse_args()
    content = origin(("torch", "numpy", "scipy", "pytorch-fid"), threads=torch.get_num_threads()) | {
        "rounds": arguments.rounds,
        "metrics": bench_metrics(arguments.n, RESAMPLES),
        "frechet": [bench_frechet(dimensions, arguments.rounds) for dimensions in DIMENSIONS],
    }
    print(json.dumps(content, indent=1))
    save(content, arguments.json)


if __name__ == "__main__":
    main()
