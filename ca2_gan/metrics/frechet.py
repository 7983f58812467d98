"""Frechet distance between two sets of features, in float64."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of N feature vectors.

    :param n: N
    :param mean: float64 [d]
    :param covariance: with N - 1 in the denominator, float64 [d, d]
    """

    n: int
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


def moments(features: NDArray[np.floating], counts: NDArray[np.int64] | None = None, batch: int = 4096) -> Moments:
    """Moments of features [N, d], from differences to the mean, which avoids cancellation.

    :param counts: how often each vector counts, [N]; None for once
    :param batch: number of vectors in float64 at a time; changes the result by rounding only
    :raises ValueError: if there are fewer than two vectors
    """
    weights = np.ones(len(features)) if counts is None else counts.astype(np.float64)
    n = int(weights.sum())
    if n < 2:
        raise ValueError(f"a covariance needs at least 2 feature vectors, got {n}.")
    parts = [slice(i, i + batch) for i in range(0, len(features), batch)]
    mean = np.sum([weights[part] @ features[part].astype(np.float64) for part in parts], axis=0) / n
    scatter = np.zeros((features.shape[1], features.shape[1]))
    for part in parts:
        scaled = (features[part] - mean) * np.sqrt(weights[part])[:, None]
        scatter += scaled.T @ scaled
    return Moments(n, mean, scatter / (n - 1))


def frechet_distance(real: Moments, fake: Moments) -> float:
    """Squared 2-Wasserstein distance between two Gaussians (Dowson & Landau 1982; Heusel et al. 2017, eq. 6).

    With C1 = F F^T, the trace term tr((C1 C2)^(1/2)) is the sum of the roots of the eigenvalues of F^T C2 F, which is symmetric and
    positive semi-definite: no general matrix root, no imaginary part, and an order of magnitude faster. F belongs to the
    covariance of lower rank, so that no eigenvalue should be 0: the root would magnify the rounding of a 0.

    :param real: moments of N feature vectors, mean [d] and covariance [d, d], float64
    :param fake: the same for the generated ones
    :return: distance, >= 0 up to rounding, in squared feature units
    :raises ValueError: if the dimensions differ
    """
    if real.mean.shape != fake.mean.shape:
        raise ValueError(f"features of {len(real.mean)} and of {len(fake.mean)} dimensions can't be compared.")
    shift = real.mean - fake.mean
    sides = (_factor(real.covariance), fake.covariance), (_factor(fake.covariance), real.covariance)
    factor, other = min(sides, key=lambda side: side[0].shape[1])
    values = scipy.linalg.eigvalsh(factor.T @ other @ factor, driver="evd", check_finite=False) if factor.size else np.zeros(1)
    overlap = np.sqrt(np.maximum(values, 0)).sum()
    return float(shift @ shift + np.trace(real.covariance) + np.trace(fake.covariance) - 2 * overlap)


def _factor(covariance: NDArray[np.float64]) -> NDArray[np.floating]:
    """F with F F^T = C, [d, rank]: by Cholesky where possible, which is several times as fast, else from the eigenvectors."""
    factor: NDArray[np.floating]
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:  # fewer vectors than dimensions, or a feature that never changes
        values, vectors = scipy.linalg.eigh(covariance, driver="evd")
        kept = values > max(values[-1], 0) * len(values) * np.finfo(np.float64).eps  # the others are rounding errors
        factor = vectors[:, kept] * np.sqrt(values[kept])
    return factor
