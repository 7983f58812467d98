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


class MomentsSoFar:
    """Moments of features that come in batches; how they are cut into batches changes the result by rounding only."""

    def __init__(self) -> None:
        self._n = 0
        self._mean: NDArray[np.float64] | None = None
        self._scatter: NDArray[np.float64] | None = None

    def update(self, features: NDArray[np.floating]) -> None:
        """Takes in a batch [n, d] (Chan, Golub & LeVeque 1979: no sum of squares, so no cancellation)."""
        batch = features.astype(np.float64)
        if not len(batch):
            return
        mean = batch.mean(axis=0)
        scatter = (batch - mean).T @ (batch - mean)
        if self._mean is None or self._scatter is None:
            self._n, self._mean, self._scatter = len(batch), mean, scatter
            return
        total, shift = self._n + len(batch), mean - self._mean
        self._scatter += scatter + np.outer(shift, shift) * (self._n * len(batch) / total)
        self._mean = self._mean + shift * (len(batch) / total)
        self._n = total

    def result(self) -> Moments:
        """:raises ValueError: if fewer than two vectors came in"""
        if self._n < 2 or self._mean is None or self._scatter is None:
            raise ValueError(f"a covariance needs at least 2 feature vectors, got {self._n}.")
        return Moments(self._n, self._mean, self._scatter / (self._n - 1))


def moments(features: NDArray[np.floating], batch: int = 4096) -> Moments:
    """Moments of features [N, d].

    :raises ValueError: if N is below 2
    """
    so_far = MomentsSoFar()
    for i in range(0, len(features), batch):
        so_far.update(features[i : i + batch])
    return so_far.result()


def weighted_moments(features: NDArray[np.float64], counts: NDArray[np.int64]) -> Moments:
    """Moments of features [N, d] each of which comes up so many times, [N].

    :raises ValueError: if fewer than two vectors come up
    """
    n = int(counts.sum())
    if n < 2:
        raise ValueError(f"a covariance needs at least 2 feature vectors, got {n}.")
    average = counts @ features / n
    scaled = (features - average) * np.sqrt(counts)[:, None]
    return Moments(n, average, scaled.T @ scaled / (n - 1))


def frechet_distance(real: Moments, fake: Moments) -> float:
    """Squared 2-Wasserstein distance between two Gaussians (Dowson & Landau 1982; Heusel et al. 2017, eq. 6).

    With C1 = F F^T, the trace term tr((C1 C2)^(1/2)) is the sum of the roots of the eigenvalues of F^T C2 F, which is symmetric and
    positive semi-definite: no general matrix root, no imaginary part, and an order of magnitude faster. F is that of the
    covariance of lower rank, so that no eigenvalue should be 0: the root of its rounding would be felt.

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
    """F with F F^T = C, [d, rank]: Cholesky's where there is one, which is several times as fast, else from the eigenvectors."""
    factor: NDArray[np.floating]
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:  # fewer vectors than dimensions, or a feature that never changes
        values, vectors = scipy.linalg.eigh(covariance, driver="evd")
        kept = values > max(values[-1], 0) * len(values) * np.finfo(np.float64).eps  # the others are rounding
        factor = vectors[:, kept] * np.sqrt(values[kept])
    return factor
