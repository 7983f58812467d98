"""What a grid of settings says: which factors matter, which act together, and how far a random part of it gets."""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ca2_core.statistics import RESAMPLES

Array = NDArray[np.float64]


def variance_explained(cells: ArrayLike) -> dict[tuple[int, ...], float]:
    """Share of the variance over a full grid that is due to each factor alone and to each pair beyond its two factors.

    The analysis of variance of a balanced design (Fisher 1925): sums of squares of the effects, which are orthogonal.
    What three and more factors do together is what is missing to 1.

    :param cells: one number for each combination, an axis a factor
    :return: by the factors' axes, singles first; zeros where all cells are the same
    """
    cells = np.asarray(cells, dtype=np.float64)
    total = ((cells - cells.mean()) ** 2).sum()
    main = {(axis,): _mean_over_others(cells, (axis,)) - cells.mean() for axis in range(cells.ndim)}
    pairs = {
        (a, b): _mean_over_others(cells, (a, b)) - main[(a,)] - main[(b,)] - cells.mean() for a, b in combinations(range(cells.ndim), 2)
    }
    return {
        axes: float((np.broadcast_to(effect, cells.shape) ** 2).sum() / total) if total > 0 else 0.0
        for axes, effect in (main | pairs).items()
    }


def _mean_over_others(cells: Array, axes: tuple[int, ...]) -> Array:
    """Mean over all other axes, kept as axes of length 1."""
    mean: Array = cells.mean(axis=tuple(set(range(cells.ndim)) - set(axes)), keepdims=True)
    return mean


def expected_best(scores: ArrayLike, n: int) -> float:
    """Expected lowest of ``n`` scores drawn without replacement: what so many trials of a search would find.

    :param scores: of all trials, [N]
    :param n: from 1 to N
    """
    ascending = np.sort(np.asarray(scores, dtype=np.float64))
    size = len(ascending)
    # The i-th lowest is the best of the draw if the other n - 1 come from the size - 1 - i above it
    weights = [comb(size - 1 - i, n - 1) / comb(size, n) for i in range(size)]
    return float(ascending @ np.array(weights))


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho with its 95 % interval."""

    rho: float
    low: float
    high: float


def rank_correlation(x: ArrayLike, y: ArrayLike) -> RankCorrelation | None:
    """Whether one ranks as the other does: 1 for the same order, -1 for the reverse. None where nothing can be said.

    The interval is the percentile bootstrap over the pairs.

    :param x: [N]
    :param y: [N]
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(x) < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    drawn = np.random.default_rng(0).integers(len(x), size=(RESAMPLES, len(x)))
    with np.errstate(invalid="ignore"):  # draws of one pair only have no correlation
        resampled = _rho(x[drawn], y[drawn])
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return RankCorrelation(float(_rho(x, y)), float(low), float(high))


def _rho(x: Array, y: Array) -> Array:
    """Pearson's correlation of the ranks along the last axis."""
    x, y = stats.rankdata(x, axis=-1), stats.rankdata(y, axis=-1)
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    rho: Array = (x * y).sum(axis=-1) / np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    return rho
