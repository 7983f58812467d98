"""FLD: how likely held-out images are under a density around the generated ones, which copies of training images do not raise."""

import numpy as np
from numpy.typing import NDArray

from ca2_gan.metrics.bootstrap import Number, mean
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.mixture import Mixture
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics

# Largest number of Gaussians, one around each image
MOST = 5_000
FLOOR = "0 by definition: it is measured from training images in the place of generated ones."


class FLD(Metric):
    """Feature likelihood divergence (Jiralerspong et al. 2023): fidelity, variety and novelty in one; 0 is as good as training images.

    Gaussians around the generated images, with widths fitted to the training images, give a likelihood of the held-out images. FLD is the
    loss of log-likelihood compared with Gaussians around one half of the training images, with widths fitted to the other half. A copy of
    a training image gets a Gaussian without width. https://arxiv.org/abs/2302.04440
    """

    columns = (Column("fld", "FLD", "lower", "distance"),)
    needs_training_images = True
    knows_training_images = True

    def compute(self, reference: Reference, fake: View) -> Numbers:
        if fake is reference.real:
            return {"fld": Number(0.0, note=FLOOR)}
        assert reference.train is not None
        train = reference.train.features(self.extractor)
        test = reference.real.features(self.extractor)
        center, scale = test.mean(axis=0), np.maximum(test.std(axis=0), 1e-12)
        train, test, candidate = ((side - center) / scale for side in (train, test, fake.features(self.extractor)))
        size = min(MOST, len(candidate), len(train) // 2)
        own = Mixture(candidate[:size]).fit(train).log_likelihoods(test)
        of_training_images = reference.real.made_once(("fld", self.extractor), lambda: best_possible(train, test, size))
        return {"fld": mean(100 * (of_training_images - own))}


def best_possible(train: NDArray[np.floating], test: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Log-likelihoods of the held-out images under Gaussians around training images: [N].

    :param size: number of Gaussians
    """
    order = np.random.default_rng(0).permutation(len(train))
    return Mixture(train[order[:size]]).fit(train[order[size:]]).log_likelihoods(test)


metrics.register("fld")(FLD())
