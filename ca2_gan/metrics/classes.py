"""Scores of single classes."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ca2_gan.metrics.frechet import frechet_distance, moments
from ca2_gan.metrics.view import View

# Least number of images that says something about the distribution of a class
FEWEST = 10


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class.

    :param n: images of the class on each side of ``fcd``, the same for every class
    :param fcd: Frechet distance of the classifier's features of the images labelled (or, without labels, classified) as this class
    :param acc: share of the images labelled as this class that the classifier assigns to it; None without labels
    :param share: share of this class among the images, by label or, without labels, by the classifier
    """

    name: str
    n: int
    fcd: float | None
    acc: float | None
    share: float


@dataclass(frozen=True)
class Pair:
    """Features of one class, real [n, 64] and fake [n, 64]."""

    real: NDArray[np.float32]
    fake: NDArray[np.float32]

    def distance(self, rng: Generator | None = None) -> float:
        """Frechet distance; with ``rng``, of images resampled with replacement."""
        sides = [side if rng is None else side[rng.integers(0, len(side), len(side))] for side in (self.real, self.fake)]
        return frechet_distance(moments(sides[0]), moments(sides[1]))


def pair_classes(real: View, fake: View, num_classes: int, extractor: str | None = "classifier") -> list[Pair | None]:
    """Features of both sides for each class; None if one side has fewer than ten images.

    All pairs have the size of the smallest one, since the distance depends on the size.
    """
    of_real, of_fake = real.labels(), fake.labels()
    both = np.minimum(np.bincount(of_real, minlength=num_classes), np.bincount(of_fake, minlength=num_classes))
    n = int(both[both >= FEWEST].min(initial=both.max()))
    features = real.features(extractor), fake.features(extractor)
    return [
        Pair(features[0][of_real == label][:n], features[1][of_fake == label][:n]) if both[label] >= FEWEST else None
        for label in range(num_classes)
    ]


def score_classes(real: View, fake: View, names: tuple[str, ...]) -> tuple[ClassScores, ...]:
    """Scores of each class, from easy (low FCD) to hard."""
    labels, rows = fake.labels(), []
    for label, (name, pair) in enumerate(zip(names, pair_classes(real, fake, len(names)), strict=True)):
        asked = labels == label
        is_right = fake.classes()[asked] == label
        accuracy = float(is_right.mean()) if fake.samples.labels is not None and len(is_right) else None
        distance, n = (pair.distance(), len(pair.real)) if pair else (None, 0)
        rows.append(ClassScores(name, n, distance, accuracy, float(asked.mean())))
    return tuple(sorted(rows, key=lambda row: (row.fcd is None, row.fcd)))
