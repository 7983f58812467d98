"""Statistics of nearest neighbours: precision, recall, density and coverage, and copies of training images."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NEAREST = 5
# Largest number of distances in memory at once, 8 MB, and of vectors that they belong to; more don't fit into the CPU's cache
MOST_DISTANCES, CHUNK = 2**20, 512
# Limits of rounding errors. Squared distances below ZERO times the largest squared norm count as 0, and those that differ by less than
# TIE times themselves count as equal, so that ties don't depend on the chunk
ZERO, TIE = 1e-12, 1e-10
# A fake is a copy if its nearest training image is nearer than this share of the distance to the second (Yoon et al. 2023)
COPY = 1 / 3


def precision_recall_density_coverage(
    real: NDArray[np.floating], fake: NDArray[np.floating], k: int = NEAREST, chunk: int = CHUNK
) -> dict[str, NDArray[Any]]:
    """Each image's part of precision, recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020), which are the means.

    An image's reach is its distance to the k-th nearest image of its own kind.

    :param real: features [N, d]
    :param fake: features [M, d]
    :param chunk: rows of the distance matrix at once; changes only the memory used
    :return: ``precision``, fakes within reach of a real image, bool [M]; ``recall``, real images within reach of a fake, bool [N];
        ``density``, number of real images within whose reach a fake is, divided by k, float64 [M]; ``coverage``, real images with a
        fake within their reach, bool [N]
    :raises ValueError: if N or M is not above k, or the dimensions differ
    """
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"more than {k} images of each kind are needed, got {len(real)} and {len(fake)}.")
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"features of {real.shape[1]} and of {fake.shape[1]} dimensions can't be compared.")
    # k + 1, since each image finds itself
    real_reach, fake_reach = (nearest(side, side, k + 1, chunk)[0][:, k] ** 2 * (1 - TIE) for side in (real, fake))
    within = np.zeros(len(fake), dtype=np.int64)
    recalled, covered = (np.empty(len(real), dtype=np.bool_) for _ in range(2))
    for i, squares in _squares(real, fake, chunk):  # [at most chunk, M]
        rows = slice(i, i + len(squares))
        is_within = (squares < real_reach[rows, None]).numpy()
        within += is_within.sum(axis=0)
        covered[rows] = is_within.any(axis=1)
        recalled[rows] = (squares < fake_reach).numpy().any(axis=1)
    return {"precision": within > 0, "recall": recalled, "density": within / k, "coverage": covered}


def nearest(of: NDArray[np.floating], among: NDArray[np.floating], k: int, chunk: int = CHUNK) -> tuple[Tensor, Tensor]:
    """Distances to the k nearest vectors, in order, and their positions: float64 and int64 [N, k].

    :param of: features [N, d]
    :param among: features [M, d], M at least k
    """
    distances, positions = torch.empty(len(of), k, dtype=torch.float64), torch.empty(len(of), k, dtype=torch.int64)
    for i, squares in _squares(of, among, chunk):  # written into place: small results between large ones would fragment the memory
        distances[i : i + len(squares)], positions[i : i + len(squares)] = squares.topk(k, dim=1, largest=False)
    return distances.sqrt_(), positions


def is_copy(distances: Tensor) -> NDArray[np.bool_]:
    """Whether images are so much nearer to one training image than to all others that they must be copies of it.

    :param distances: from N images to their two nearest training images, [N, 2]; no two training images may be equal
    """
    return (distances[:, 0] < COPY * distances[:, 1]).numpy()


def nearer(fake: NDArray[np.float64], held_out: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each fake, the share of the held-out images that are farther from the training images than it is; a tie counts half.

    The mean is the statistic of Mann & Whitney (1947) that Meehan et al. (2020) propose: 0.5 for images as new as the held-out
    ones, more for images too near to the training ones.

    :param fake: distances to the nearest training image, [M]
    :param held_out: the same for the held-out images, [N]
    """
    ordered = np.sort(held_out)
    below, up_to = np.searchsorted(ordered, fake, "left"), np.searchsorted(ordered, fake, "right")
    shares: NDArray[np.float64] = 1 - (below + up_to) / (2 * len(ordered))
    return shares


def _squares(rows: NDArray[np.floating], columns: NDArray[np.floating], chunk: int) -> Iterator[tuple[int, Tensor]]:
    """First row and squared Euclidean distances [chunk, M] of each chunk, float64; exactly 0 between equal vectors. They are overwritten
    by the next chunk's.

    |a - b|^2 = |a|^2 - 2ab + |b|^2 by one matrix product, around the mean, so that there is little to cancel.
    """
    center = columns.mean(axis=0, dtype=np.float64)
    m, d = columns.shape
    right = torch.ones(d + 2, m, dtype=torch.float64)  # the columns, ones, their squares
    np.subtract(columns.T, center[:, None], out=right[:d].numpy())
    right[d + 1] = sum(row.square() for row in right[:d])
    a = torch.from_numpy(rows - center)
    a_squares = a.square().sum(dim=1, keepdim=True)
    least = float(ZERO * max(a_squares.max(), right[d + 1].max()))
    chunk = max(1, min(chunk, MOST_DISTANCES // m))
    buffer = torch.empty(chunk, m, dtype=torch.float64)
    for i in range(0, len(a), chunk):
        part = a[i : i + chunk]
        left = torch.cat([-2 * part, a_squares[i : i + chunk], torch.ones(len(part), 1, dtype=torch.float64)], dim=1)
        yield i, torch.threshold_(torch.mm(left, right, out=buffer[: len(part)]), least, 0)
