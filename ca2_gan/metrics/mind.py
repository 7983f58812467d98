"""MIND: the distance of features along random directions, also for few images."""

from ca2_gan.metrics.bootstrap import Number
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.sliced import sliced_distance
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class MIND(Metric):
    """Monge distance (Berthet et al. 2026) of the features of a classifier trained on the data; mind:inception is the paper's.

    The squared sliced Wasserstein distance times three times the number of features. https://arxiv.org/abs/2605.06797
    """

    columns = (Column("mind", "MIND", "lower", "distance"),)

    def compute(self, reference: Reference, fake: View) -> Numbers:
        real = reference.real.features(self.extractor)
        found, scale = sliced_distance(real, fake.features(self.extractor)), 3 * real.shape[1]
        return {"mind": Number(scale * found.value, lambda rng: scale * found.again(rng))}


metrics.register("mind")(MIND())
