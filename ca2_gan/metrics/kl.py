"""KL: whether classes and pixel values occur in the right shares."""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import entropy

from ca2_gan.metrics.bootstrap import Number, counts
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics

# Added to every probability, so that a bin that is empty on one side costs a lot, but not infinity
EPSILON = 1e-8
# With fewer images of each class, on average, differences of the classes' shares are mostly chance
FEWEST_OF_A_CLASS = 10


class KL(Metric):
    """KL(real || generated) in nats: over the classes that the classifier assigns, and over the 256 pixel values."""

    columns = (Column("kl_class", "KL class", "lower", "distance"), Column("kl_pixel", "KL pixel", "lower", "distance"))

    def compute(self, reference: Reference, fake: View) -> Numbers:
        views, k = (reference.real, fake), len(reference.class_names)
        n, least = len(fake.samples), FEWEST_OF_A_CLASS * k
        note = f"of {n:,} images: with fewer than {least:,}, ten for each class, it is mostly chance." if n < least else ""
        return {
            "kl_class": _kl([np.eye(k, dtype=np.uint8)[view.classes(self.extractor)] for view in views], note),
            "kl_pixel": _kl([_histograms(view.samples.images) for view in views]),
        }


def _kl(sides: list[NDArray[np.integer]], note: str = "") -> Number:
    """:param sides: a histogram for each real and each fake image, [N, bins] and [M, bins]"""
    real, fake = (side.astype(np.float64) for side in sides)

    def again(rng: Generator) -> float:
        return kl_divergence(*(counts(rng, len(side)).astype(np.float64) @ side for side in (real, fake)))

    return Number(kl_divergence(real.sum(axis=0), fake.sum(axis=0)), again, note=note)


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
    return float(entropy(p, q))  # which divides each by its sum


def _histograms(images: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Pixel values of each image: [N, C, H, W] -> [N, 256]."""
    return np.stack([np.bincount(image.reshape(-1), minlength=256).astype(np.int32) for image in images])


metrics.register("kl")(KL())
