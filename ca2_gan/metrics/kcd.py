"""KCD: the kernel distance of the features of a classifier of the data, also for few images."""

from ca2_gan.metrics.kid import KID
from ca2_gan.metrics.metric import Column, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class KCD(KID):
    """Kernel distance of the features (64-d) of a classifier trained on the data, unbiased for few images."""

    columns = (Column("kcd", "KCD", "lower", "distance"),)
    extractor = "classifier"

    def compute(self, reference: Reference, fake: View) -> Numbers:
        return {"kcd": super().compute(reference, fake)["kid"]}


metrics.register("kcd")(KCD())
