"""Statistics for few runs with wide spread (Agarwal et al. 2021, https://arxiv.org/abs/2108.13264)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

RESAMPLES = 2000


def iqm(scores: ArrayLike) -> float:
    """Interquartile mean: the mean of the middle half."""
    return float(stats.trim_mean(scores, 0.25, axis=None))


def iqm_interval(scores: Sequence[float] | np.ndarray) -> tuple[float, float] | None:
    """95 % percentile-bootstrap interval of the interquartile mean; None for fewer than two scores.

    The same scores give the same interval: the resampling is seeded.
    """
    if len(scores) < 2:
        return None
    result = stats.bootstrap(
        (np.asarray(scores),),
        lambda sample, axis: stats.trim_mean(sample, 0.25, axis=axis),
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
