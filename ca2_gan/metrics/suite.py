"""All metrics of one reference: the same real images, extractors and number of images for every candidate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ca2_core.errors import UserError
from ca2_gan.data import Dataset
from ca2_gan.metrics.bootstrap import Missing, Number, interval, mean
from ca2_gan.metrics.classes import ClassScores, score_classes
from ca2_gan.metrics.extractors import Extractors, Setup
from ca2_gan.metrics.inception import UnavailableError
from ca2_gan.metrics.metric import Column, Metric, Score
from ca2_gan.metrics.samples import Samples, real_samples
from ca2_gan.metrics.slices import score_slices
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import extractors, metrics

# Most images on each side: memory and time of nearest neighbours grow with the square
MOST = 10_000
FLOOR = "real (floor)"
SAME = "both sides are the same images."


@dataclass(frozen=True)
class Evaluation:
    """The scores of one candidate.

    :param classes: scores of the classes from easy to hard, by ``fcd``
    """

    name: str
    n: int
    scores: dict[str, Score]
    classes: tuple[ClassScores, ...]

    @property
    def values(self) -> dict[str, float | None]:
        """The numbers alone; None where there is none."""
        return {key: score.value for key, score in self.scores.items()}


class Suite:
    """Compares candidates with the same real images.

    :param names: names of metrics in the registry, ``metric`` or ``metric:extractor``
    :param train: training split, on which the classifier is trained and from which the floor is drawn; None if there is none
    :param test: held-out split, the real images
    :param n: images on each side, at most as many as each split has
    :param inception_weights: Inception's weights; None downloads them
    :param resamples: bootstrap resamples for the intervals; 0 for none
    :param classifier: which reference classifier to use, ``first`` or ``second``, which has other layers
    :param device: device of the networks
    :raises UserError: if a name is unknown, or there are too few images or no training images for a metric
    """

    def __init__(
        self,
        names: Sequence[str],
        train: Dataset | None,
        test: Dataset | Samples,
        n: int,
        seed: int = 0,
        inception_weights: Path | None = None,
        resamples: int = 0,
        classifier: str = "first",
        device: str = "cpu",
    ):
        self.metrics = {name: find_metric(name) for name in names}
        for name, metric in self.metrics.items():
            if n < metric.fewest:
                raise UserError(f"{name} needs at least {metric.fewest} images on each side, got {n}. Give more, or leave out {name}.")
            if train is None and metric.learns_from_training_images:
                raise UserError(
                    f"{name} needs labelled training images that are not compared: compare with `load_data(...).test`, give train=..., "
                    f"or leave out {name}."
                )
        self.n, self.seed, self.resamples, self.train, self._test = n, seed, resamples, train, test
        self.notes: list[str] = []
        self.extractors = Extractors(Setup(train, classifier, inception_weights, device))
        self._leave_out_what_cannot_be_had()
        self.class_names: tuple[str, ...] = (train or test).class_names or ()
        self.reference = Reference(self._real_view(test, n), self._train_view, self.class_names, classifier)

    def _leave_out_what_cannot_be_had(self) -> None:
        missing: dict[str, UnavailableError] = {}  # each is asked for once: it may take half a minute
        for name, metric in list(self.metrics.items()):
            extractor = metric.extractor or "classifier"
            try:
                if extractor not in {"classifier", *missing}:
                    self.extractors[extractor]
            except UnavailableError as error:
                missing[extractor] = error
            if extractor in missing:
                del self.metrics[name]
                self.notes.append(f"{name} left out: {missing[extractor]}")
        if not self.metrics:
            raise UserError(self.notes[0].partition(" left out: ")[2])

    @property
    def _train_view(self) -> View | None:
        if self.train is None:
            return None
        view = self._real_view(self.train, len(self.train))
        once = np.unique(self.train.digests, return_index=True)[1]
        return replace(view, once=None if len(once) == len(self.train) else np.sort(once))

    def _real_view(self, part: Dataset | Samples, n: int, seed: int | None = None) -> View:
        """A random choice of n real images; the features of a ``Dataset``'s are kept in the cache."""
        seed = self.seed if seed is None else seed
        samples = part if isinstance(part, Samples) else real_samples(part, part.report.source)
        taken = samples.among(self.class_names).take(n, seed)
        return View(taken, self.extractors, (part.fingerprint, len(taken), seed) if isinstance(part, Dataset) else None)

    @cached_property
    def accuracy(self) -> float:
        """Share of the held-out images that the reference classifier gets right."""
        held_out = self._real_view(self._test, len(self._test))
        return float((held_out.classes() == held_out.samples.labels).mean())

    @property
    def columns(self) -> dict[str, Column]:
        """All numbers by key."""
        return {column.key: column for metric in self.metrics.values() for column in metric.columns}

    def floor(self, seed: int | None = None) -> Evaluation:
        """Scores of real images: training images against held-out images, or, in metrics where training images score better than
        new ones can, held-out images against themselves.

        :param seed: seed of the choice of training images; None for the suite's
        """
        view, held_out = self.floor_view(seed), self.reference.real
        accuracies = {row.name: row.acc for row in self.classes(held_out)}
        classes = tuple(replace(row, acc=accuracies[row.name]) for row in self.classes(view))
        return Evaluation(FLOOR, self.n, self._scores(view, held_out), classes)

    def floor_view(self, seed: int | None = None) -> View:
        """Training images in the place of generated ones.

        :param seed: seed of their choice; None for the suite's
        """
        assert self.train is not None
        return self._real_view(self.train, self.n, seed)

    def view(self, samples: Samples) -> View:
        """:param samples: n images of the data's shape"""
        return View(samples.among(self.class_names), self.extractors)

    def score(self, candidate: Samples | View) -> Evaluation:
        """:param candidate: n images of the data's shape"""
        view = candidate if isinstance(candidate, View) else self.view(candidate)
        return Evaluation(view.samples.name, len(view.samples), self.scores(view), self.classes(view))

    def scores(self, view: View) -> dict[str, Score]:
        """The scores of the metrics by key, without those of the classes."""
        same = SAME if np.array_equal(view.samples.images, self.reference.real.samples.images) else ""
        return self._scores(view, view, same)

    def scores_by(self, attribute: str, view: View) -> dict[str, Score]:
        """Recall and coverage of each group of the real images, as ``recall[ATTRIBUTE=GROUP]``.

        :param attribute: attribute of the real images
        :raises UserError: if they have no such attribute
        """
        found = dict[str, Score]()
        for group in score_slices(self.reference.real, view, attribute):
            for key, values in (("recall", group.recall), ("coverage", group.coverage)):
                column = Column(f"{key}[{attribute}={group.name}]", key, "higher", "share")
                found[column.key] = self._score(mean(values), column, f"of {len(values):,} real images.")
        return found

    def classes(self, view: View) -> tuple[ClassScores, ...]:
        """Scores of each class, from easy to hard; empty if no metric uses the classifier, since they need it."""
        needed = any(metric.extractor == "classifier" for metric in self.metrics.values())
        return score_classes(self.reference.real, view, self.class_names) if needed else ()

    def _scores(self, view: View, of_new_images: View, note: str = "") -> dict[str, Score]:
        """:param of_new_images: view for metrics with ``knows_training_images``"""
        columns, found = self.columns, dict[str, Score]()
        for metric in self.metrics.values():
            numbers = metric.compute(self.reference, of_new_images if metric.knows_training_images else view)
            found |= {key + metric.suffix: self._score(number, columns[key + metric.suffix], note) for key, number in numbers.items()}
        return found

    def _score(self, number: Number | Missing, column: Column, note: str) -> Score:
        if isinstance(number, Missing):
            return Score(None, better=column.better, kind=column.kind, note=f"no number: {number.why}.")
        low, high = interval(number, self.resamples, self.seed) or (None, None)
        return Score(number.value, low, high, column.better, column.kind, " ".join(filter(None, [note, number.note])))


def find_metric(name: str) -> Metric:
    """The metric of a name such as ``fcd`` or, with another network's features, ``prdc:inception``.

    :raises UserError: if there is no such metric or extractor
    """
    plain, _, extractor = name.partition(":")
    metric: Metric = metrics.get(plain)
    if not extractor:
        return metric
    extractors.get(extractor)
    if metric.extractor is None:
        raise UserError(f"{name}: {plain} uses no network. Leave out :{extractor}.")
    return metric.through(extractor)


def parse_metrics(names: str | Sequence[str]) -> list[str]:
    """Names of metrics, each once, from a list or a text with commas.

    :raises UserError: if there is none, or an unknown one
    """
    text = ",".join(map(str, names)) if isinstance(names, list | tuple) else str(names)
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        find_metric(name)
    if not names:
        raise UserError(f"metrics: none named. There are {', '.join(metrics.list())}.")
    return names
