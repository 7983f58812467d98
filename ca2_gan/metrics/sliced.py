"""Sliced Wasserstein distance between two sets of features."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ca2_gan.metrics.bootstrap import counts

DIRECTIONS = 1000
# Number of directions projected on at once, and used for intervals
CHUNK = 64


@dataclass(frozen=True)
class SlicedDistance:
    """Squared sliced 2-Wasserstein distance of two sets of the same size.

    :param value: mean over the directions
    :param slices: both sides projected on some directions: positions before sorting, and sorted values, each [directions, N]
    """

    value: float
    slices: tuple[tuple[NDArray[np.intp], NDArray[np.float64]], ...]

    def again(self, rng: Generator) -> float:
        """The distance of images resampled with replacement, along these directions."""
        sides = []
        for order, values in self.slices:
            drawn = counts(rng, values.shape[1])
            sides.append(np.stack([np.repeat(row, drawn[positions]) for positions, row in zip(order, values, strict=True)]))
        return float(((sides[0] - sides[1]) ** 2).mean())


def sliced_distance(real: NDArray[np.floating], fake: NDArray[np.floating], directions: int = DIRECTIONS) -> SlicedDistance:
    """Mean over random directions of the squared 2-Wasserstein distance of the projections, by sorting (Bonneel et al. 2015).

    The directions are always the same.

    :param real: features [N, d]
    :param fake: features [N, d]
    :raises ValueError: if the numbers of images or dimensions differ
    """
    if real.shape != fake.shape:
        raise ValueError(f"two sets of features of the same shape are needed, got {list(real.shape)} and {list(fake.shape)}.")
    total, kept = 0.0, list[tuple[NDArray[np.intp], NDArray[np.float64]]]()
    for part in _directions(real.shape[1], directions):
        sides = [part @ side.T.astype(np.float64) for side in (real, fake)]
        if not kept:
            orders = [side.argsort(axis=1, kind="stable") for side in sides]
            kept = [(order, np.take_along_axis(side, order, axis=1)) for order, side in zip(orders, sides, strict=True)]
        for side in sides:
            side.sort(axis=1)
        total += ((sides[0] - sides[1]) ** 2).mean(axis=1).sum()
    return SlicedDistance(float(total / directions), tuple(kept))


def _directions(d: int, n: int) -> Iterator[NDArray[np.float64]]:
    """Unit vectors, evenly distributed on the sphere: [at most CHUNK, d] at a time."""
    drawn = np.random.default_rng(0).normal(size=(n, d))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    for i in range(0, n, CHUNK):
        yield drawn[i : i + CHUNK]
