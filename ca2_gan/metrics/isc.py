"""Inception Score: whether each image is clearly of one class, and all classes occur."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr, softmax

from ca2_gan.metrics.bootstrap import Number, counts
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


def inception_score(logits: NDArray[np.floating], weights: NDArray[np.integer] | None = None) -> float:
    """Exponential of the mean KL divergence of each image's class probabilities from their mean (Salimans et al. 2016): from 1 to K.

    :param logits: [N, K]
    :param weights: how often each image counts, [N]; None: once
    """
    shares = softmax(logits.astype(np.float64), axis=1)
    together = np.average(shares, axis=0, weights=weights)
    divergences = rel_entr(shares, together).sum(axis=1)
    return float(np.exp(np.average(divergences, weights=weights)))


class InceptionScore(Metric):
    """Inception Score with a classifier trained on the data instead of Inception: from 1 to the number of classes."""

    columns = (Column("isc", "IS", "higher", "ratio"),)
    fewest = 1

    def compute(self, reference: Reference, fake: View) -> Numbers:
        logits = fake.logits(self.extractor)
        return {"isc": Number(inception_score(logits), lambda rng: inception_score(logits, counts(rng, len(logits))), 1, logits.shape[1])}


metrics.register("isc")(InceptionScore())
