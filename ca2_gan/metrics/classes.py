"""How single classes came out."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ca2_gan.metrics.frechet import frechet_distance, moments
from ca2_gan.metrics.view import View

# Fewer images of a class say nothing about its distribution
FEWEST = 10


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
class Pair:
    """Features of one class, real [n, 64] and fake [n, 64]."""

    real: NDArray[np.float32]
    fake: NDArray[np.float32]

    def distance(self, rng: Generator | None = None) -> float:
        """Frechet distance, of images drawn again with ``rng``."""
        sides = [side if rng is None else side[rng.integers(0, len(side), len(side))] for side in (self.real, self.fake)]
        return frechet_distance(moments(sides[0]), moments(sides[1]))


def pair_classes(real: View, fake: View, num_classes: int, extractor: str | None = "classifier") -> list[Pair | None]:
    """Both sides of each class; None where one has fewer than ten images.

    All pairs are of the same size, since the distance depends on it: that of the smallest one.
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
    """Each class, from easy to hard."""
    labels, rows = fake.labels(), []
    for label, (name, pair) in enumerate(zip(names, pair_classes(real, fake, len(names)), strict=True)):
        asked = labels == label
        is_right = fake.classes()[asked] == label
        accuracy = float(is_right.mean()) if fake.samples.labels is not None and len(is_right) else None
        distance, n = (pair.distance(), len(pair.real)) if pair else (None, 0)
        rows.append(ClassScores(name, n, distance, accuracy, float(asked.mean())))
    return tuple(sorted(rows, key=lambda row: (row.fcd is None, row.fcd)))
