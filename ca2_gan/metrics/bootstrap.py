"""Bootstrap intervals: how far a number would vary with other images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Z = 1.959964  # quantile for 95 %
RESAMPLES = 100


@dataclass(frozen=True)
class Number:
    """A number of a metric.

    :param again: returns the number for images resampled with replacement; None if that would take too long
    :param least: lower bound of its interval
    :param most: upper bound of its interval
    :param note: what readers of the number should know
    """

    value: float
    again: Callable[[Generator], float] | None = None
    least: float = 0
    most: float = np.inf
    note: str = ""


@dataclass(frozen=True)
class Missing:
    """Takes the place of a number that can't be computed.

    :param why: the reason, in words
    """

    why: str


Interval = tuple[float, float]


def interval(number: Number, resamples: int = RESAMPLES, seed: int = 0) -> Interval | None:
    """95 % confidence interval: the number plus and minus 1.96 bootstrap standard deviations (Efron & Tibshirani 1993, section 12).

    Percentiles would be biased: repeated images make a resample less varied, so that nearly every resample scores worse than the sample.

    :return: None if the number can't be resampled, or ``resamples`` is below 2
    """
    if number.again is None or resamples < 2:
        return None
    rng = np.random.default_rng(seed)
    reach = Z * float(np.std([number.again(rng) for _ in range(resamples)], ddof=1))
    return max(number.value - reach, min(number.least, number.value)), min(number.value + reach, number.most)


def counts(rng: Generator, n: int) -> NDArray[np.int64]:
    """How often each of n images is drawn in n draws with replacement: [n]."""
    drawn: NDArray[np.int64] = np.bincount(rng.integers(0, n, n), minlength=n)
    return drawn


def mean(values: NDArray[Any]) -> Number:
    """The mean of one number per image, [N]; for bool, the share of images for which it is true."""
    exact = values.astype(np.float64)
    least = 0 if (exact >= 0).all() else -np.inf
    most = 1 if values.dtype == np.bool_ else np.inf
    return Number(float(exact.mean()), lambda rng: float(counts(rng, len(exact)) @ exact) / len(exact), least, most)
