"""Kernel distance between two sets of features: the squared maximum mean discrepancy of KID, unbiased for any number of images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 1024


@dataclass(frozen=True)
class KernelDistance:
    """A kernel distance, and what each image adds to it, to first order.

    :param value: negative as often as positive between images of the same distribution
    :param of_real: each real image's mean similarity to the other real images, minus that to the fakes, times 2: [N]
    :param of_fake: each fake's mean similarity to the other fakes, minus that to the real images, times 2: [M]
    """

    value: float
    of_real: NDArray[np.float64]
    of_fake: NDArray[np.float64]


def kernel_distance(real: NDArray[np.floating], fake: NDArray[np.floating], chunk: int = CHUNK) -> KernelDistance:
    """Unbiased squared MMD with the kernel (x y / d + 1)^3 (Binkowski et al. 2018, eq. 3 and section 4), of all images at once.

    The paper averages over blocks of images to save time. All images at once give the same mean and less variance, in any order.

    :param real: features [N, d], N at least 2
    :param fake: features [M, d], M at least 2
    :param chunk: rows and columns of the kernel matrix at once; changes the result by rounding only
    :raises ValueError: if there are too few, or the dimensions differ
    """
    if min(len(real), len(fake)) < 2:
        raise ValueError(f"at least 2 images of each kind are needed, got {len(real)} and {len(fake)}.")
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"features of {real.shape[1]} and of {fake.shape[1]} dimensions can't be compared.")
    across, back = _similarities(real, fake, chunk)
    within_real, within_fake = ((_similarities(side, side, chunk)[0] - _self_similarities(side)) / (len(side) - 1) for side in (real, fake))
    across, back = across / len(fake), back / len(real)
    value = within_real.mean() + within_fake.mean() - 2 * across.mean()
    return KernelDistance(float(value), 2 * (within_real - across), 2 * (within_fake - back))


def _similarities(x: NDArray[np.floating], y: NDArray[np.floating], chunk: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of the kernel matrix over y, [N], and over x, [M], block by block."""
    of_x, of_y = np.zeros(len(x)), np.zeros(len(y))
    for i in range(0, len(x), chunk):
        rows = x[i : i + chunk].astype(np.float64)
        for j in range(0, len(y), chunk):
            inner = rows @ y[j : j + chunk].astype(np.float64).T
            inner /= x.shape[1]
            inner += 1
            cubes = inner * inner
            cubes *= inner
            of_x[i : i + chunk] += cubes.sum(axis=1)
            of_y[j : j + chunk] += cubes.sum(axis=0)
    return of_x, of_y


def _self_similarities(x: NDArray[np.floating]) -> NDArray[np.float64]:
    """The diagonal of the kernel matrix, [N]."""
    squares = np.einsum("nd,nd->n", x, x, dtype=np.float64)
    similarities: NDArray[np.float64] = (squares / x.shape[1] + 1) ** 3
    return similarities
