"""The job of a study: trains one variant and measures its last model."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ca2_core.errors import UserError
from ca2_core.study.file import import_modules
from ca2_gan.data import Dataset
from ca2_gan.drawing import encode, grid
from ca2_gan.gan import GAN
from ca2_gan.metrics.bootstrap import Number
from ca2_gan.metrics.samples import Samples, real_samples, sample_like
from ca2_gan.metrics.suite import MOST, Evaluation, Suite
from ca2_gan.training.config import Config
from ca2_gan.training.state import Callback, TrainingState
from ca2_gan.training.trainer import Trainer

# To be raised with every change of what a training measures: older records are then other jobs
MEASUREMENT = 2
# Images behind a point of a curve: few, since sampling takes longer than all metrics. The last model is measured with as many as possible
WATCHED = 500
# Seed of the samples and of the choice of real images, the same for all
EVALUATION_SEED = 0
# Shares of the budget at which the curve has a point; it has one at the end, too
SHARES = (0.125, 0.25, 0.5)
# Added to the names of numbers by the second classifier
SECOND = " (second)"
# Images of a strip, at most, unless there are more classes
STRIP = 26

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Bench:
    """One data set with its reference classifiers.

    :param train: training split
    :param suite: compares samples with the held-out split
    :param second: the same with the second classifier; None if no metric asks for it
    """

    train: Dataset
    suite: Suite
    second: Suite | None

    @classmethod
    def prepare(cls, data: Dataset, metrics: Sequence[str], second: Sequence[str]) -> "Bench":
        """Trains the classifiers unless they are in the cache.

        :raises UserError: if the data are too few, or a metric can't be computed
        """
        train, held_out = data.split()
        n = min(MOST, len(held_out))
        suite = Suite(metrics, train, held_out, n, EVALUATION_SEED)
        if suite.notes:
            raise UserError(suite.notes[0])
        bench = cls(train, suite, Suite(second, train, held_out, n, EVALUATION_SEED, classifier="second") if second else None)
        bench.classifiers()  # here once, instead of in every process
        return bench

    def classifiers(self) -> dict[str, Any]:
        """Hash and accuracy of the classifiers in use, first and second: numbers by other classifiers can't be compared."""
        return {
            name: {"fingerprint": suite.extractors["classifier"].fingerprint, "accuracy": suite.accuracy}
            for name, suite in {"first": self.suite, "second": self.second}.items()
            if suite is not None and any(metric.extractor == "classifier" for metric in suite.metrics.values())
        }

    def score(self, samples: Samples) -> dict[str, Any]:
        """All scores of a model's samples, ready for JSON."""
        return self._record(self.suite.score(samples), self.second.score(samples) if self.second else None)

    def floor(self, seed: int) -> dict[str, Any]:
        """All scores of real images, ready for JSON."""
        return self._record(self.suite.floor(seed), self.second.floor(seed) if self.second else None)

    @staticmethod
    def _record(first: Evaluation, second: Evaluation | None) -> dict[str, Any]:
        by_second = {name + SECOND: value for name, value in second.values.items()} if second else {}
        classes = {row.name: {"n": row.n, "fcd": digits(row.fcd), "acc": digits(row.acc), "share": row.share} for row in first.classes}
        return {name: digits(value) for name, value in (first.values | by_second).items()} | {"classes": classes}

    def watch(self, samples: Samples) -> tuple[str, float | None]:
        """Name and value of the first metric alone, for a point of a curve."""
        metric = next(iter(self.suite.metrics.values()))
        name, number = next(iter(metric.compute(self.suite.reference, self.suite.view(samples)).items()))
        return name + metric.suffix, digits(number.value) if isinstance(number, Number) else None

    @property
    def watched(self) -> int:
        """Images of a point of a curve."""
        return min(WATCHED, self.suite.n)


class Curve(Callback):
    """Measures the model at some shares of the budget and at its end.

    :param standing: whether its BatchNorms get standing statistics
    """

    def __init__(self, bench: Bench, standing: bool):
        self.bench, self.standing = bench, standing
        self.points: dict[str, list[float | None]] = {"seconds": [], "images": []}
        self._ahead = list(SHARES)

    def on_round(self, state: TrainingState) -> None:
        if self._ahead and not state.is_finished and state.spent >= self._ahead[0]:
            self._ahead.pop(0)
            self.on_end(state)

    def on_end(self, state: TrainingState) -> None:
        gan = state.averaged(self.standing)
        name, value = self.bench.watch(sample_like(gan, self.bench.watched, self.bench.train, EVALUATION_SEED))
        for key, number in {"seconds": digits(state.cpu_seconds), "images": state.images, name: value}.items():
            self.points.setdefault(key, []).append(number)


def measure(settings: Settings, seed: int, bench: Bench) -> dict[str, Any]:
    """Trains one variant, in one thread, and measures its last model; or measures real images, if the settings contain no training.

    :param settings: settings of a case
    :return: ready for JSON
    :raises UserError: if training diverges
    """
    torch.set_num_threads(1)
    import_modules(settings["packages"])
    if "training" not in settings:
        return floor(bench, seed)
    return (one_per_class if settings["per_class"] else one_for_all)(settings, seed, bench)


def play(settings: Settings, seed: int, data: Dataset, parts: int = 1, callbacks: Sequence[Callback] = ()) -> tuple[GAN, TrainingState]:
    """Trains on a training split; returns the model, and the training at its end.

    :param parts: number of equal parts of the budget, of which this training gets one
    """
    config = make_config(settings["training"], seed=seed)
    budget: dict[str, Any] = {
        name: max(amount // parts, 1) if name == "images" else amount / parts for name, amount in settings["budget"].items()
    }
    trainer = Trainer(config, data, callbacks=callbacks)
    trainer.fit(**budget)
    assert trainer.state is not None
    return trainer.state.averaged(settings["standing"]), trainer.state


def make_config(training: Settings, seed: int = 0) -> Config:
    """All settings of a training, from those of a case."""
    quiet = {"progress": False, "watch": False, "threads": 1, "accelerator": "cpu"}
    return Config.of({"data": "a study's", "seed": seed, "images": 10**9, **training, **quiet})


def one_for_all(settings: Settings, seed: int, bench: Bench) -> dict[str, Any]:
    """Trains and measures one model for all classes."""
    curve = Curve(bench, settings["standing"])
    gan, state = play(settings, seed, bench.train, callbacks=[curve])
    return _trained(bench, sample_like(gan, bench.suite.n, bench.train, EVALUATION_SEED), [state]) | {"curve": curve.points}


def one_per_class(settings: Settings, seed: int, bench: Bench) -> dict[str, Any]:
    """Trains and measures one model for each class, each with an equal part of the budget."""
    data, images, states = bench.train, [], []
    asked = np.sort(np.resize(np.random.default_rng(EVALUATION_SEED).permutation(data.labels), bench.suite.n))
    for label in range(data.num_classes):
        gan, state = play(settings, seed, data.only(label), data.num_classes)
        images.append(gan.sample(int((asked == label).sum()), seed=EVALUATION_SEED + label).numpy())
        states.append(state)
    curve: dict[str, list[float]] = {"seconds": [], "images": []}
    return _trained(bench, Samples("", np.concatenate(images), asked), states) | {"curve": curve}


def _trained(bench: Bench, samples: Samples, states: Sequence[TrainingState]) -> dict[str, Any]:
    """Time, images and size of trainings, and the scores of their last models' samples."""
    seconds, images = sum(state.cpu_seconds for state in states), sum(state.images for state in states)
    return bench.score(samples) | {
        "train_seconds": digits(seconds),
        "images": images,
        "images_per_s": digits(images / max(seconds, 1e-9)),
        "parameters": {player: sum(state.parameters[player] for state in states) for player in states[0].parameters},
        "drawn": strip(samples, bench.train.num_classes),
    }


def floor(bench: Bench, seed: int) -> dict[str, Any]:
    """Scores of real images against real ones, and properties that could make a class easy or hard.

    :param seed: seed of the choice of training images
    """
    train = bench.train
    chosen = np.random.default_rng(seed).permutation(len(train))[: bench.watched]
    return bench.floor(seed) | {
        "n": bench.suite.n,
        "watched": bench.watch(Samples("", train.images[chosen], train.labels[chosen]))[1],
        "classifiers": bench.classifiers(),
        "looks": {name: looks(train.only(label)) for label, name in enumerate(train.class_names)},
        "drawn": strip(real_samples(train, "training split").take(bench.suite.n, seed), train.num_classes),
        "curve": {"seconds": [], "images": []},
        "train_seconds": None,
    }


def looks(data: Dataset) -> dict[str, float | None]:
    """Mean ink, and variance of a pixel, mean over the pixels; white is 1."""
    images = data.images.astype(np.float32) / 255
    return {"ink": digits(float(images.mean())), "variance": digits(float(images.var(axis=0).mean()))}


def strip(samples: Samples, classes: int) -> str:
    """One row with the first images of each class in turn, or, of an unconditional model, simply the first images.

    :return: a PNG of 16 grays a channel, in base64
    """
    each = max(STRIP // classes, 1)
    chosen = np.arange(min(each * classes, len(samples.images)))
    if samples.labels is not None:
        of_class = [np.flatnonzero(samples.labels == label)[:each] for label in range(classes)]
        chosen = np.array([images[turn] for turn in range(each) for images in of_class if turn < len(images)])
    return b64encode(encode(grid(samples.images[chosen], len(chosen)) // 16 * 17)).decode()


def digits(value: float | None) -> float | None:
    """Six significant digits."""
    return None if value is None else float(f"{value:.6g}")
