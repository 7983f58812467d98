"""Statistics for few runs with wide spread (Agarwal et al. 2021, https://arxiv.org/abs/2108.13264)."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 2000

Scores = Sequence[float] | NDArray[np.float64]


def iqm(scores: Scores) -> float:
    """Interquartile mean: the mean of the middle half."""
    return float(stats.trim_mean(np.asarray(scores, dtype=np.float64), 0.25))


def iqm_interval(scores: Scores) -> tuple[float, float] | None:
    """95 % percentile-bootstrap interval of the interquartile mean; None for fewer than two scores.

    The same scores give the same interval: the resampling is seeded.
    """
    if len(scores) < 2:
        return None
    result = stats.bootstrap(  # type: ignore[call-overload]
        (np.asarray(scores, dtype=np.float64),),
        partial(stats.trim_mean, proportiontocut=0.25),
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
