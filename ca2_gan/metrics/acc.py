"""Accuracy: whether images show the class of their label."""

from ca2_gan.metrics.bootstrap import Missing, mean
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class Accuracy(Metric):
    """Share of the labelled images that the classifier assigns to the class of their label (GAN-test)."""

    columns = (Column("acc", "accuracy", "higher", "share"),)
    fewest = 1
    knows_training_images = True

    def compute(self, reference: Reference, fake: View) -> Numbers:
        labels = fake.samples.labels
        return {"acc": Missing("the images have no labels") if labels is None else mean(fake.classes(self.extractor) == labels)}


metrics.register("acc")(Accuracy())
