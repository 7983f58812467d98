"""FCD: how far apart the features of a classifier of the data lie."""

import numpy as np
from numpy.random import Generator

from ca2_gan.metrics.bootstrap import Number, counts
from ca2_gan.metrics.fid import rank_note
from ca2_gan.metrics.frechet import frechet_distance, weighted_moments
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class FCD(Metric):
    """Frechet distance of the features (64-d) of a classifier trained on the data."""

    columns = (Column("fcd", "FCD", "lower", "distance"),)

    def compute(self, reference: Reference, fake: View) -> Numbers:
        sides = [view.features(self.extractor) for view in (reference.real, fake)]

        def again(rng: Generator) -> float:
            real, other = (weighted_moments(side.astype(np.float64), counts(rng, len(side))) for side in sides)
            return frechet_distance(real, other)

        distance = frechet_distance(reference.real.moments(self.extractor), fake.moments(self.extractor))
        return {"fcd": Number(distance, again, note=rank_note(sides[1].shape))}


metrics.register("fcd")(FCD())
