"""FCD: the Frechet distance of the features of a classifier of the data."""

from ca2_gan.metrics.fid import distance
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class FCD(Metric):
    """Frechet distance of the features (64-d) of a classifier trained on the data."""

    columns = (Column("fcd", "FCD", "lower", "distance"),)

    def compute(self, reference: Reference, fake: View) -> Numbers:
        return {"fcd": distance(reference.real, fake, self.extractor)}


metrics.register("fcd")(FCD())
