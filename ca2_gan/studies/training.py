"""One training of a study, and what is measured of it."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ca2_gan.data import Dataset
from ca2_gan.gan import GAN
from ca2_gan.metrics.samples import Samples, sample_like
from ca2_gan.studies.bench import EVALUATION_SEED, Bench, digits, record, scores
from ca2_gan.studies.drawings import strip
from ca2_gan.studies.jobs import Budget, Job
from ca2_gan.training.config import Config
from ca2_gan.training.state import Callback, TrainingState
from ca2_gan.training.trainer import Trainer
from ca2_gan.versions import versions

# Shares of the budget at which a point of the curve is made; the end is one too
SHARES = (0.125, 0.25, 0.5)


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    :param samples: of its last model
    :param seconds: on a core, without evaluations
    :param images: real ones shown to the discriminator
    :param parameters: trainable ones by player
    :param curve: points of seconds, images and FCD
    """

    samples: Samples
    seconds: float
    images: int
    parameters: dict[str, int]
    curve: list[dict[str, float]]


class Curve(Callback):
    """Measures the model at some shares of the budget.

    :param standing: whether its BatchNorms get standing statistics
    """

    def __init__(self, bench: Bench, shares: tuple[float, ...], standing: bool):
        self.bench, self.standing = bench, standing
        self.points: list[dict[str, float]] = []
        self._ahead = list(shares)

    def on_round(self, state: TrainingState) -> None:
        if self._ahead and not state.is_finished and state.spent >= self._ahead[0]:
            self._ahead.pop(0)
            self.on_end(state)

    def on_end(self, state: TrainingState) -> None:
        gan = state.averaged(self.standing)
        fcd = self.bench.fcd(sample_like(gan, self.bench.watched, self.bench.train, EVALUATION_SEED))
        self.points.append({"seconds": digits(state.cpu_seconds), "images": state.images, "fcd": digits(fcd)})


def play(job: Job, data: Dataset, budget: Budget, *callbacks: Callback) -> tuple[GAN, TrainingState]:
    """Trains on a training split, in one thread; the model, and the training at its end.

    :raises UserError: if it diverges
    """
    quiet = {"progress": False, "watch": False, "threads": 1, "accelerator": "cpu"}
    config = Config.of({"data": job.data, "seed": job.seed, "images": 10**9} | job.variant.changes | quiet)
    trainer = Trainer(config, data, callbacks=callbacks)
    trainer.fit(images=budget.images, cpu_minutes=budget.minutes)
    assert trainer.state is not None
    return trainer.state.averaged(job.variant.standing), trainer.state


def train(job: Job, bench: Bench) -> dict[str, Any]:
    """Trains one variant, in one thread, and measures its last model.

    :return: what is measured, ready for JSON
    :raises UserError: if it diverges
    """
    torch.set_num_threads(1)
    trained = (one_per_class if job.variant.per_class else one_for_all)(job, bench)
    return {
        "cpu_seconds": digits(trained.seconds),
        "images": trained.images,
        "images_per_s": digits(trained.images / max(trained.seconds, 1e-9)),
        "parameters": trained.parameters,
        **record(bench.suite.score(trained.samples)),
        "second": scores(bench.second.score(trained.samples)),
        "curve": trained.curve,
        "drawn": strip(trained.samples, bench.train.num_classes),
        "extractors": bench.extractors,
        "versions": versions(),
    }


def one_for_all(job: Job, bench: Bench) -> Trained:
    """One model of all classes."""
    curve = Curve(bench, SHARES if job.budget.minutes is not None else (), job.variant.standing)
    gan, state = play(job, bench.train, job.budget, curve)
    samples = sample_like(gan, bench.suite.n, bench.train, EVALUATION_SEED)
    return Trained(samples, state.cpu_seconds, state.images, state.parameters, curve.points)


def one_per_class(job: Job, bench: Bench) -> Trained:
    """A model for each class, each with its part of the budget."""
    data, k = bench.train, bench.train.num_classes
    asked = np.sort(np.resize(np.random.default_rng(EVALUATION_SEED).permutation(data.labels), bench.suite.n))
    images: list[NDArray[np.uint8]] = []
    seconds, seen, counts = 0.0, 0, dict[str, int]()
    for label, name in enumerate(data.class_names):
        alone = data.subset(data.labels == label)
        alone = dataclasses.replace(alone, class_names=(name,), labels=alone.labels * 0)
        gan, state = play(job, alone, job.budget.divided(k))
        images.append(gan.sample(int((asked == label).sum()), seed=EVALUATION_SEED + label).numpy())
        seconds, seen = seconds + state.cpu_seconds, seen + state.images
        counts = {player: counts.get(player, 0) + count for player, count in state.parameters.items()}
    return Trained(Samples(job.variant.label, np.concatenate(images), asked), seconds, seen, counts, [])
