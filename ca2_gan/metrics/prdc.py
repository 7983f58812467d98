"""PRDC: fidelity and variety as separate numbers, by nearest neighbours."""

from ca2_gan.metrics.bootstrap import mean
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.neighbours import NEAREST, precision_recall_density_coverage
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class PRDC(Metric):
    """Precision, recall, density, coverage of the classifier's features, k = 5."""

    columns = (
        Column("precision", "precision", "higher", "share"),
        Column("recall", "recall", "higher", "share"),
        Column("density", "density", "higher", "ratio"),
        Column("coverage", "coverage", "higher", "share"),
    )
    fewest = NEAREST + 1

    def compute(self, reference: Reference, fake: View) -> Numbers:
        of_images = precision_recall_density_coverage(reference.real.features(self.extractor), fake.features(self.extractor))
        return {key: mean(values) for key, values in of_images.items()}


metrics.register("prdc")(PRDC())
