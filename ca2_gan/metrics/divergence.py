"""KL divergence between histograms, in nats."""

from typing import Any

from numpy.typing import NDArray
from scipy.stats import entropy

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
    p, q = (counts / counts.sum() + EPSILON for counts in (real, fake))
    return float(entropy(p, q))  # of each over its sum
