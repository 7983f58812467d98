"""KID: the kernel distance of Inception features, also for few images."""

import numpy as np
from numpy.random import Generator

from ca2_gan.metrics.bootstrap import Number, mean
from ca2_gan.metrics.kernel import kernel_distance
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics

NEGATIVE = "below 0: it is unbiased, so between sets that hardly differ it is as often below 0 as above. Read it as no difference found."


class KID(Metric):
    """Kernel distance of Inception features, unbiased for few images."""

    columns = (Column("kid", "KID", "lower", "distance"),)
    extractor = "inception"

    def compute(self, reference: Reference, fake: View) -> Numbers:
        found = kernel_distance(reference.real.features(self.extractor), fake.features(self.extractor))
        sides = mean(found.of_real), mean(found.of_fake)

        def again(rng: Generator) -> float:
            return found.value + sum(side.again(rng) - side.value for side in sides if side.again)

        return {"kid": Number(found.value, again, least=-np.inf, note=NEGATIVE if found.value < 0 else "")}


metrics.register("kid")(KID())
