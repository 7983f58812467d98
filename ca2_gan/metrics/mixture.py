"""A mixture of Gaussians around given points, with widths fitted to other points."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROUNDS = 50
# Fitting stops when a round raises the mean log-likelihood per dimension by less
ENOUGH = 1e-4
# Largest number of distances in memory at once, 64 MB
MOST_DISTANCES = 2**24
# Limits of the variances: that of a center that coincides with a point would be 0
LEAST, MOST = np.exp(-40), np.exp(20)
# Factor on distances to the mean of the points, in the wide Gaussian for points far from all centers
SHORTENED = 0.9


class Mixture:
    """Isotropic Gaussians of equal weight around given points, with fitted variances.

    :param centers: [M, d]
    """

    def __init__(self, centers: NDArray[np.floating]):
        self.centers = torch.from_numpy(centers.astype(np.float32))
        self.log_variances = torch.zeros(len(centers))

    def fit(self, points: NDArray[np.floating]) -> "Mixture":
        """Fits the variances to the highest likelihood, by expectation maximisation.

        During the fit, one more Gaussian around the mean of the points, of fitted variance, takes the points far from all centers, which
        would widen every Gaussian (Jiralerspong et al. 2023).

        :param points: [N, d], none of which should be among the centers
        """
        x = torch.from_numpy(points.astype(np.float32))
        d = x.shape[1]
        to_mean = SHORTENED**2 * (x - x.mean(dim=0)).square().sum(dim=1)
        nearest = torch.stack([squares.min(dim=0).values for _, squares in self._squares(x)]).min(dim=0).values
        self.log_variances, wide, before = ((nearest + 1e-3) / d).log(), (to_mean.mean() / d).log(), -np.inf
        for _ in range(ROUNDS):
            weighted, weight, likelihood = torch.zeros(len(self.centers)), torch.zeros(len(self.centers)), 0.0
            of_wide = torch.zeros(2)
            for rows, squares in self._squares(x):
                far = _log_density(to_mean[rows], wide, d)
                logs = _log_density(squares, self.log_variances, d) - np.log(len(self.centers))
                total = torch.logsumexp(torch.cat([logs, far[:, None]], dim=1), dim=1)
                shares = (logs - total[:, None]).exp_()
                weight += shares.sum(dim=0)
                weighted += (shares * squares).sum(dim=0)
                share_of_wide = (far - total).exp()
                of_wide += torch.stack([(share_of_wide * to_mean[rows]).sum(), share_of_wide.sum()])
                likelihood += float(total.sum()) / (len(x) * d)
            # A Gaussian that no point belongs to keeps its variance
            variances = torch.where(weight > 1e-12, weighted / (d * weight.clamp(min=1e-12)), self.log_variances.exp())
            self.log_variances = variances.clamp(LEAST, MOST).log()
            wide = (of_wide[0] / (d * of_wide[1].clamp(min=1e-12))).clamp(LEAST, MOST).log()
            if likelihood - before < ENOUGH:
                break
            before = likelihood
        return self

    def log_likelihoods(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log-likelihood of each point, divided by the number of dimensions: [N].

        :param points: [N, d]
        """
        x = torch.from_numpy(points.astype(np.float32))
        parts = [
            torch.logsumexp(_log_density(squares, self.log_variances, x.shape[1]) - np.log(len(self.centers)), dim=1)
            for _, squares in self._squares(x)
        ]
        found: NDArray[np.float64] = torch.cat(parts).double().numpy() / x.shape[1]
        return found

    def _squares(self, x: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Squared distances to the centers, some rows at a time."""
        step = max(1, MOST_DISTANCES // len(self.centers))
        for i in range(0, len(x), step):
            yield slice(i, i + step), torch.cdist(x[i : i + step], self.centers).square_()


def _log_density(squares: Tensor, log_variances: Tensor, d: int) -> Tensor:
    """Log-density of isotropic Gaussians at squared distances from their centers."""
    density: Tensor = -0.5 * (squares / log_variances.exp() + d * (log_variances + np.log(2 * np.pi)))
    return density
