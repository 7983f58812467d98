"""All metrics of one reference: the same real images, extractors and number of images for every candidate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ca2_gan.data import Dataset
from ca2_gan.errors import UserError
from ca2_gan.metrics.classifier import trained_on
from ca2_gan.metrics.entries import Metric, Scores
from ca2_gan.metrics.extractors import Extractor
from ca2_gan.metrics.frechet import frechet_distance, moments
from ca2_gan.metrics.inception import Inception, UnavailableError
from ca2_gan.metrics.samples import Samples, real_samples
from ca2_gan.metrics.view import View
from ca2_gan.registry import metrics

# Memory and time of the neighbours grow with the square
MOST = 10_000
# Fewer images of a class say nothing about its distribution
FEWEST_PER_CLASS = 10


@dataclass(frozen=True)
class ClassScores:
    """How one class came out.

    :param n: images of the class on each side of ``fcd``, the same for every class
    :param fcd: Frechet distance of the classifier's features, of the images that should be of this class or, without labels, look like it
    :param acc: share of the images asked for that the classifier takes for this class
    :param share: of the images, by label or by looks
    """

    name: str
    n: int
    fcd: float | None
    acc: float | None
    share: float


@dataclass(frozen=True)
class Verdict:
    """What came out for one candidate.

    :param scores: by column key
    :param classes: from easy to hard, by ``fcd``
    """

    name: str
    n: int
    scores: Scores
    classes: tuple[ClassScores, ...]


class Suite:
    """Judges candidates against the same real images.

    :param names: of metrics in the registry
    :param train: training split: the classifier learns from it, and the floor row is drawn from it
    :param test: held-out split, the real images
    :param n: images on each side
    :param inception_weights: Inception's weights; None downloads them
    :raises UserError: if a name is unknown, or n is too small for a metric or larger than a split
    """

    def __init__(self, names: Sequence[str], train: Dataset, test: Dataset, n: int, seed: int = 0, inception_weights: Path | None = None):
        self.metrics: dict[str, Metric] = {name: metrics.get(name) for name in names}
        for name, metric in self.metrics.items():
            if n < metric.fewest:
                raise UserError(
                    f"{name} needs at least {metric.fewest} images on each side, got {n}. Give more, or leave it out of --metrics."
                )
        self.n, self.seed, self.train, self.class_names = n, seed, train, test.class_names
        self.notes: list[str] = []
        self.extractors: dict[str, Extractor] = {"classifier": trained_on(train)}
        if any(metric.extractor == "inception" for metric in self.metrics.values()):
            self._add_inception(inception_weights)
        self.real = self._real_view(test, "held-out split")
        self._train_view = self._real_view(train, "training split")

    def _add_inception(self, weights: Path | None) -> None:
        try:
            self.extractors["inception"] = Inception(weights)
        except UnavailableError as error:
            left_out = [name for name, metric in self.metrics.items() if metric.extractor == "inception"]
            self.metrics = {name: metric for name, metric in self.metrics.items() if name not in left_out}
            self.notes.append(f"{', '.join(left_out)} left out: {error}")
            return
        if self.n <= Inception.dimensions:
            self.notes.append(f"FID of {self.n:,} images: below 2,049 the covariance is not of full rank; compare it with the floor only.")

    def _real_view(self, part: Dataset, name: str) -> View:
        samples = real_samples(part, name).take(self.n, self.seed)
        return View(samples, self.extractors, (part.fingerprint, self.n, self.seed))

    @property
    def columns(self) -> dict[str, str]:
        """Key -> heading of all numbers."""
        return {key: heading for metric in self.metrics.values() for key, heading in metric.columns.items()}

    def floor(self) -> Verdict:
        """Real against real: training split against held-out split.

        The accuracy is that on the held-out images: the classifier has learned the others by heart.
        """
        verdict = self._judge("real (floor)", self._train_view)
        if "acc" in verdict.scores:
            held_out = {scores.name: scores.acc for scores in self._judge_classes(self.real)}
            classes = tuple(replace(scores, acc=held_out[scores.name]) for scores in verdict.classes)
            scores = verdict.scores | {"acc": float((self.real.classes() == self.real.samples.labels).mean())}
            return replace(verdict, scores=scores, classes=classes)
        return verdict

    def judge(self, samples: Samples) -> Verdict:
        """:param samples: n images of the data's shape"""
        return self._judge(samples.name, View(samples, self.extractors))

    def _judge(self, name: str, view: View) -> Verdict:
        scores: Scores = {}
        for metric in self.metrics.values():
            scores |= metric.compute(self.real, view)
        return Verdict(name, len(view.samples.images), scores, self._judge_classes(view))

    def _judge_classes(self, view: View) -> tuple[ClassScores, ...]:
        """Per class, from easy to hard. Every class has the same number of images on each side: the distance depends on it."""
        real_labels = self.real.samples.labels
        assert real_labels is not None
        labels = view.classes() if view.samples.labels is None else view.samples.labels
        k = len(self.class_names)
        both = np.minimum(np.bincount(real_labels, minlength=k), np.bincount(labels, minlength=k))
        enough = both >= FEWEST_PER_CLASS
        n = int(both[enough].min()) if enough.any() else 0
        rows = []
        for label, name in enumerate(self.class_names):
            real, fake = np.flatnonzero(real_labels == label)[:n], np.flatnonzero(labels == label)
            distance = None
            if enough[label]:
                features = self.real.seen("classifier").features[real], view.seen("classifier").features[fake[:n]]
                distance = frechet_distance(moments(features[0]), moments(features[1]))
            is_asked = view.samples.labels is not None and len(fake) > 0
            accuracy = float((view.classes()[fake] == label).mean()) if is_asked else None
            rows.append(ClassScores(name, n if enough[label] else 0, distance, accuracy, len(fake) / len(labels)))
        return tuple(sorted(rows, key=lambda row: (row.fcd is None, row.fcd)))


def parse_metrics(text: str) -> list[str]:
    """Names of metrics with commas between.

    :raises UserError: if there is none, or an unknown one
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        metrics.get(name)
    if not names:
        raise UserError(f"--metrics: none named. There are {', '.join(metrics.list())}.")
    return names
