"""All metrics of one reference: the same real images, extractors and number of images for every candidate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ca2_core.errors import UserError
from ca2_gan.data import Dataset
from ca2_gan.metrics.bootstrap import Interval, Number, interval
from ca2_gan.metrics.classes import ClassScores, judge_classes
from ca2_gan.metrics.classifier import recipe_of, trained_on
from ca2_gan.metrics.entries import Metric
from ca2_gan.metrics.extractors import Extractor
from ca2_gan.metrics.inception import Inception, UnavailableError
from ca2_gan.metrics.samples import Samples, real_samples
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics

# Memory and time of the neighbours grow with the square
MOST = 10_000
# Fewer images of each class, on average, and the classes' shares are mostly chance
FEWEST_OF_A_CLASS = 10


@dataclass(frozen=True)
class Verdict:
    """What came out for one candidate.

    :param scores: by column key; None where there is no number
    :param intervals: of 95 %, by column key; None where there is none
    :param classes: from easy to hard, by ``fcd``
    """

    name: str
    n: int
    scores: dict[str, float | None]
    intervals: dict[str, Interval | None]
    classes: tuple[ClassScores, ...]


class Suite:
    """Judges candidates against the same real images.

    :param names: of metrics in the registry
    :param train: training split: the classifier learns from it, and the floor row is drawn from it
    :param test: held-out split, the real images
    :param n: images on each side, at most as many as each split has
    :param inception_weights: Inception's weights; None downloads them
    :param resamples: of the bootstrap behind the intervals; 0 for none
    :param judge: which classifier looks at the images, ``first`` or ``second``: networks of another kind
    :raises UserError: if a name is unknown, or n is too small for a metric
    """

    def __init__(
        self,
        names: Sequence[str],
        train: Dataset,
        test: Dataset,
        n: int,
        seed: int = 0,
        inception_weights: Path | None = None,
        resamples: int = 0,
        judge: str = "first",
    ):
        self.metrics: dict[str, Metric] = {name: metrics.get(name) for name in names}
        for name, metric in self.metrics.items():
            if n < metric.fewest:
                raise UserError(
                    f"{name} needs at least {metric.fewest} images on each side, got {n}. Give more, or leave it out of --metrics."
                )
        self.n, self.seed, self.resamples, self.train, self.class_names = n, seed, resamples, train, test.class_names
        self.notes: list[str] = []
        self.extractors: dict[str, Extractor] = {"classifier": trained_on(train, recipe_of(judge))}
        if any(metric.extractor == "inception" for metric in self.metrics.values()):
            self._add_inception(inception_weights)
        self._note_few()
        held_out = self._real_view(test, "held-out split", len(test))
        self.accuracy = float((held_out.classes() == test.labels).mean())
        once = np.unique(train.digests, return_index=True)[1]
        self.reference = Reference(
            self._real_view(test, "held-out split", n),
            self._real_view(train.subset(once), "training split", len(once)),
            len(self.class_names),
        )
        self._floor_view = self._real_view(train, "training split", n)

    def _add_inception(self, weights: Path | None) -> None:
        try:
            self.extractors["inception"] = Inception(weights)
        except UnavailableError as error:
            left_out = [name for name, metric in self.metrics.items() if metric.extractor == "inception"]
            self.metrics = {name: metric for name, metric in self.metrics.items() if name not in left_out}
            self.notes.append(f"{', '.join(left_out)} left out: {error}")

    def _note_few(self) -> None:
        """Says which numbers so few images don't carry."""
        for name, extractor in (("fid", "inception"), ("fcd", "classifier")):
            if name in self.metrics and self.n <= (d := self.extractors[extractor].dimensions):
                self.notes.append(
                    f"{name.upper()} of {self.n:,} images: up to {d:,} the covariance is singular; compare with the floor only."
                )
        if "kl" in self.metrics and self.n < (least := FEWEST_OF_A_CLASS * len(self.class_names)):
            self.notes.append(f"KL class of {self.n:,} images: below {least:,}, ten for each class, it is mostly chance.")

    def _real_view(self, part: Dataset, name: str, n: int) -> View:
        samples = real_samples(part, name).take(n, self.seed)
        return View(samples, self.extractors, (part.fingerprint, len(samples.images), self.seed))

    @property
    def columns(self) -> dict[str, str]:
        """Key -> heading of all numbers."""
        return {key: heading for metric in self.metrics.values() for key, heading in metric.columns.items()}

    def floor(self) -> Verdict:
        """Real against real: training split against held-out split, or, where training images would come out better than new ones
        can, held-out images themselves.
        """
        held_out = self.reference.real
        numbers = {
            key: number
            for metric in self.metrics.values()
            for key, number in metric.compute(self.reference, held_out if metric.knows_training_images else self._floor_view).items()
        }
        verdict = self._verdict("real (floor)", self._floor_view, numbers)
        accuracies = {scores.name: scores.acc for scores in judge_classes(held_out, held_out, self.class_names)}
        return replace(verdict, classes=tuple(replace(scores, acc=accuracies[scores.name]) for scores in verdict.classes))

    def view(self, samples: Samples) -> View:
        """:param samples: n images of the data's shape"""
        return View(samples, self.extractors)

    def judge(self, candidate: Samples | View) -> Verdict:
        """:param candidate: n images of the data's shape"""
        view = candidate if isinstance(candidate, View) else self.view(candidate)
        numbers = {key: number for metric in self.metrics.values() for key, number in metric.compute(self.reference, view).items()}
        return self._verdict(view.samples.name, view, numbers)

    def _verdict(self, name: str, view: View, numbers: dict[str, Number | None]) -> Verdict:
        scores = {key: number.value if number else None for key, number in numbers.items()}
        intervals = {key: interval(number, self.resamples, self.seed) if number else None for key, number in numbers.items()}
        return Verdict(name, len(view.samples.images), scores, intervals, judge_classes(self.reference.real, view, self.class_names))


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
