"""One training of a study, and what is measured of it."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from ca2_core.study.conditions import core_seconds
from ca2_gan.data import Dataset
from ca2_gan.gan import GAN
from ca2_gan.metrics.report import versions
from ca2_gan.metrics.samples import Samples, sample_like
from ca2_gan.studies.bench import EVALUATION_SEED, Bench, digits, judgement, scores
from ca2_gan.studies.drawings import strip
from ca2_gan.studies.jobs import Budget, Job
from ca2_gan.trainers.ema import standing_statistics
from ca2_gan.trainers.loop import prepare
from ca2_gan.trainers.settings import Settings

# Shares of the budget at which a point of the curve is made; the end is one too
SHARES = (0.125, 0.25, 0.5)


@dataclass(frozen=True)
class Course:
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


class Play:
    """A training that goes on by shares of its budget; its clock stands still in between.

    :param data: to train on
    """

    def __init__(self, job: Job, data: Dataset, budget: Budget):
        self.fabric = Fabric(accelerator="cpu", devices=1)
        self.fabric.launch()
        self.budget, self.standing, self.seconds = budget, job.variant.standing, 0.0
        self.settings = Settings(data=job.data, out=Path(), seed=job.seed, threads=1, accelerator="cpu", **job.variant.changes)
        self.training = prepare(self.settings, data, self.fabric)

    @property
    def spent(self) -> float:
        """Share of the budget."""
        return self.budget.spent(self.seconds, self.training.images)

    def until(self, share: float) -> None:
        """Plays rounds up to a share of the budget.

        :raises FloatingPointError: if it diverges
        """
        training, began = self.training, core_seconds() - self.seconds
        while self.spent < share:
            # Schedules go by images and are to end with the budget, in images that a budget of time only lets one estimate
            horizon = round(training.images / max(self.spent, 1e-9))
            training.settings = dataclasses.replace(self.settings, max_images=max(horizon, 1))
            training.play_round(self.fabric)
            self.seconds = core_seconds() - began
        if not training.weights_are_finite():
            raise FloatingPointError(f"diverged: the weights are not finite after {training.images:,} images")

    def shown(self) -> GAN:
        """The model as it is sampled: not by ``eval()``, which would reach the players that it shares with the training."""
        gan = self.training.gan.with_generator(self.training.average.network)
        if self.standing:
            standing_statistics(gan)
        return gan

    def parameters(self) -> dict[str, int]:
        players = self.training.gan.players()
        return {name: sum(p.numel() for p in player.parameters()) for name, player in players.items()}


def train(job: Job, bench: Bench) -> dict[str, Any]:
    """Trains one variant, in one thread, and judges its last model.

    :return: what is measured, ready for JSON
    :raises FloatingPointError: if it diverges
    """
    torch.set_num_threads(1)
    course = (one_per_class if job.variant.per_class else one_for_all)(job, bench)
    return {
        "cpu_seconds": digits(course.seconds),
        "images": course.images,
        "images_per_s": digits(course.images / max(course.seconds, 1e-9)),
        "parameters": course.parameters,
        **judgement(bench.suite.judge(course.samples)),
        "second": scores(bench.second.judge(course.samples)),
        "curve": course.curve,
        "drawn": strip(course.samples, bench.train.num_classes),
        "extractors": bench.extractors,
        "versions": versions(),
    }


def one_for_all(job: Job, bench: Bench) -> Course:
    """One model of all classes."""
    play = Play(job, bench.train, job.budget)
    curve = []
    for share in (*SHARES, 1.0) if job.budget.minutes is not None else (1.0,):
        play.until(share)
        gan = play.shown()
        fcd = bench.fcd(sample_like(gan, bench.watched, bench.train, EVALUATION_SEED))
        curve.append({"seconds": digits(play.seconds), "images": play.training.images, "fcd": digits(fcd)})
    samples = sample_like(gan, bench.suite.n, bench.train, EVALUATION_SEED)
    return Course(samples, play.seconds, play.training.images, play.parameters(), curve)


def one_per_class(job: Job, bench: Bench) -> Course:
    """A model for each class, each with its part of the budget."""
    data, k = bench.train, bench.train.num_classes
    asked = np.sort(np.resize(np.random.default_rng(EVALUATION_SEED).permutation(data.labels), bench.suite.n))
    images: list[NDArray[np.uint8]] = []
    seconds, seen, parameters = 0.0, 0, dict[str, int]()
    for label, name in enumerate(data.class_names):
        alone = data.subset(data.labels == label)
        play = Play(job, dataclasses.replace(alone, class_names=(name,), labels=alone.labels * 0), job.budget.divided(k))
        play.until(1.0)
        images.append(play.shown().sample(int((asked == label).sum()), seed=EVALUATION_SEED + label).numpy())
        seconds, seen = seconds + play.seconds, seen + play.training.images
        parameters = {player: parameters.get(player, 0) + count for player, count in play.parameters().items()}
    return Course(Samples(job.variant.label, np.concatenate(images), asked), seconds, seen, parameters, [])
