"""Precision, recall, density and coverage, by distances to nearest neighbours."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NEAREST = 5
# Distances of so many vectors to all others are in memory at once
CHUNK = 1024


@dataclass(frozen=True)
class PRDC:
    """How a set of fakes lies to the real images (Kynkaanniemi et al. 2019; Naeem et al. 2020).

    :param precision: share of the fakes within reach of a real image
    :param recall: share of the real images within reach of a fake
    :param density: real images that a fake is within reach of, over k; may exceed 1
    :param coverage: share of the real images with a fake within their reach
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: NDArray[np.floating], fake: NDArray[np.floating], k: int = NEAREST, chunk: int = CHUNK) -> PRDC:
    """An image's reach is the distance to the k-th nearest of its own kind.

    :param real: features [N, d]
    :param fake: features [M, d]
    :param chunk: rows of the distance matrix at once; changes nothing but the memory
    :raises ValueError: if N or M is not above k, or the dimensions differ
    """
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"more than {k} images of each kind are needed, got {len(real)} and {len(fake)}.")
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"features of {real.shape[1]} and of {fake.shape[1]} dimensions can't be compared.")
    reals, fakes = torch.from_numpy(real.astype(np.float64)), torch.from_numpy(fake.astype(np.float64))
    real_reach, fake_reach = reach(reals, k, chunk), reach(fakes, k, chunk)
    within = torch.zeros(len(fakes), dtype=torch.int64)  # real images that each fake is within reach of
    recalled, covered = 0, 0
    for i, distances in _distances(reals, fakes, chunk):  # [chunk, M]
        own_reach = real_reach[i : i + chunk]
        within += (distances < own_reach[:, None]).sum(dim=0)
        recalled += int((distances < fake_reach).any(dim=1).sum())
        covered += int((distances.min(dim=1).values < own_reach).sum())
    return PRDC(
        precision=float((within > 0).double().mean()),
        recall=recalled / len(reals),
        density=float(within.double().mean()) / k,
        coverage=covered / len(reals),
    )


def reach(features: Tensor, k: int, chunk: int = CHUNK) -> Tensor:
    """Distance from each vector to its k-th nearest other one: float64 [N, d] -> [N]."""
    # Each finds itself at distance 0, hence k + 1
    return torch.cat([distances.kthvalue(k + 1, dim=1).values for _, distances in _distances(features, features, chunk)])


def _distances(rows: Tensor, columns: Tensor, chunk: int) -> Iterator[tuple[int, Tensor]]:
    """First row and Euclidean distances [chunk, M] of each chunk.

    Differences are squared and added up pair by pair: through a matrix product, it would depend on the chunk in the last digits,
    and equal images would not be at distance 0.
    """
    for i in range(0, len(rows), chunk):
        yield i, torch.cdist(rows[i : i + chunk], columns, compute_mode="donot_use_mm_for_euclid_dist")
