"""How far a number would move if the images were drawn again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Z = 1.959964  # of 95 %
RESAMPLES = 100


@dataclass(frozen=True)
class Number:
    """A number of a metric.

    :param again: the same of images drawn again with replacement; None if that can't be had in reasonable time
    :param least: lower bound of its interval
    :param most: upper bound of its interval
    :param note: what to know when reading it
    """

    value: float
    again: Callable[[Generator], float] | None = None
    least: float = 0
    most: float = np.inf
    note: str = ""


@dataclass(frozen=True)
class Missing:
    """Where a metric has no number.

    :param why: in words
    """

    why: str


Interval = tuple[float, float]


def interval(number: Number, resamples: int = RESAMPLES, seed: int = 0) -> Interval | None:
    """95 % interval: the number and 1.96 standard deviations of the bootstrap to either side (Efron & Tibshirani 1993, section 12).

    Not the percentiles: an image drawn twice makes a set poorer, so that nearly every resample is worse than the sample.

    :return: None if the number can't be resampled, or ``resamples`` is below 2
    """
    if number.again is None or resamples < 2:
        return None
    rng = np.random.default_rng(seed)
    reach = Z * float(np.std([number.again(rng) for _ in range(resamples)], ddof=1))
    return max(number.value - reach, min(number.least, number.value)), min(number.value + reach, number.most)


def counts(rng: Generator, n: int) -> NDArray[np.int64]:
    """How often each of n images comes up in n draws: [n]."""
    drawn: NDArray[np.int64] = np.bincount(rng.integers(0, n, n), minlength=n)
    return drawn


def mean(values: NDArray[Any]) -> Number:
    """The mean of a number per image, [N], or the share of the images of which something is true."""
    exact = values.astype(np.float64)
    least = 0 if (exact >= 0).all() else -np.inf
    most = 1 if values.dtype == np.bool_ else np.inf
    return Number(float(exact.mean()), lambda rng: float(counts(rng, len(exact)) @ exact) / len(exact), least, most)
