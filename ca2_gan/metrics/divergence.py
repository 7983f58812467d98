"""KL divergence between histograms, in nats."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Added to every probability, so that a bin that one side never fills costs much but not infinitely much
EPSILON = 1e-8


def kl_divergence(real: NDArray[Any], fake: NDArray[Any]) -> float:
    """KL(real || fake) of two histograms of K bins.

    Samples of the same distribution give about (K - 1) / 2 (1 / N_real + 1 / N_fake), not 0.

    :param real: counts, [K]
    :param fake: counts, [K]
    :raises ValueError: if they differ in length or one is empty
    """
    if real.shape != fake.shape or not real.sum() or not fake.sum():
        raise ValueError("two histograms of the same bins with something in them are needed.")
    p, q = _smooth(real), _smooth(fake)
    return float((p * np.log(p / q)).sum())


def _smooth(counts: NDArray[Any]) -> NDArray[np.float64]:
    probabilities = counts / counts.sum() + EPSILON
    smooth: NDArray[np.float64] = probabilities / probabilities.sum()
    return smooth
