"""Intra FCD: the distance within single classes."""

import numpy as np

from ca2_gan.metrics.bootstrap import Missing, Number
from ca2_gan.metrics.classes import FEWEST, pair_classes
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class Intra(Metric):
    """Mean of the FCDs of the single classes."""

    columns = (Column("intra", "intra FCD", "lower", "distance"),)

    def compute(self, reference: Reference, fake: View) -> Numbers:
        if not reference.class_names:
            return {"intra": Missing("the classes are unknown")}
        found = pair_classes(reference.real, fake, len(reference.class_names), self.extractor)
        pairs = [pair for pair in found if pair]
        if len(pairs) < len(found):  # a mean of the others would hide the missing class
            few = [name for name, pair in zip(reference.class_names, found, strict=True) if not pair]
            return {"intra": Missing(f"fewer than {FEWEST} images of {', '.join(few)} on one side")}
        return {
            "intra": Number(
                float(np.mean([pair.distance() for pair in pairs])), lambda rng: float(np.mean([pair.distance(rng) for pair in pairs]))
            )
        }


metrics.register("intra")(Intra())
