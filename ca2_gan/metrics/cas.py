"""CAS: whether a classifier can learn from the images."""

from ca2_gan.metrics.bootstrap import Missing, mean
from ca2_gan.metrics.classifier import CLASSIFIERS, Classifier, train_network
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class CAS(Metric):
    """Accuracy, on real images, of a classifier trained on the labelled fakes (GAN-train); trains for a minute."""

    columns = (Column("cas", "CAS", "higher", "share"),)
    extractor = None
    fewest = 50

    def compute(self, reference: Reference, fake: View) -> Numbers:
        labels, expected = fake.samples.labels, reference.real.samples.labels
        if labels is None or expected is None:
            return {"cas": Missing("the images have no labels")}
        recipe = CLASSIFIERS[reference.classifier]
        network = train_network(fake.samples.images, labels, len(reference.class_names), recipe)
        found = Classifier(network, recipe, fake.samples.name).see(reference.real.samples.images).classes
        assert found is not None
        return {"cas": mean(found == expected)}


metrics.register("cas")(CAS())
