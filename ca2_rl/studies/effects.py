"""What a grid of settings says: which factors matter, which act together, and how far a random part of it gets."""

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
