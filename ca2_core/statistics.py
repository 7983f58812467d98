"""Statistics of few runs with widely spread scores (Agarwal et al. 2021, https://arxiv.org/abs/2108.13264)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

RESAMPLES = 2000

Array = NDArray[np.float64]


def iqm(scores: ArrayLike) -> float:
    """Interquartile mean: the mean of the middle half of all scores, [runs] or [runs, tasks]."""
    return float(stats.trim_mean(np.asarray(scores, dtype=np.float64).ravel(), 0.25))


def iqm_interval(scores: ArrayLike) -> tuple[float, float] | None:
    """95 % confidence interval of the interquartile mean, by the stratified percentile bootstrap; None for fewer than two runs.

    Runs are resampled within each task, so that every task keeps its weight. The resampling is seeded: the same scores give the same
    interval.

    :param scores: scores on one task [runs], or on several [runs, tasks]
    """
    scores = np.asarray(scores, dtype=np.float64)
    if len(scores) < 2:
        return None
    result = stats.bootstrap(
        tuple(scores.reshape(len(scores), -1).T),
        _pooled_iqm,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _pooled_iqm(*tasks: Array, axis: int = -1) -> Any:
    return stats.trim_mean(np.concatenate(tasks, axis=axis), 0.25, axis=axis)


@dataclass(frozen=True)
class Profile:
    """Share of the scores at or below each threshold, with the bounds of its 95 % band. Each array is [thresholds]."""

    share: Array
    low: Array
    high: Array


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> Profile:
    """Performance profile over all runs and tasks (Agarwal et al. 2021, eq. 1), for scores where lower is better.

    The band is a percentile bootstrap over whole runs, because one agent plays all tasks of a run.

    :param scores: [runs, tasks]
    :param thresholds: [thresholds]
    """
    scores = np.asarray(scores, dtype=np.float64)
    # Share in each run, [runs, thresholds]
    shares = np.stack([(scores <= threshold).mean(axis=1) for threshold in np.asarray(thresholds)], axis=1)
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(shares), size=(RESAMPLES, len(shares)))
    low, high = np.percentile(shares[drawn].mean(axis=1), [2.5, 97.5], axis=0)
    return Profile(shares.mean(axis=0), low, high)
