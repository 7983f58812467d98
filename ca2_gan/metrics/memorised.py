"""Memorised: whether images are copies of training images."""

from ca2_gan.metrics.bootstrap import mean
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.neighbours import is_copy, nearer
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class Memorised(Metric):
    """Share of copies of training images, and how often a fake is nearer to the training images than a held-out image is."""

    columns = (Column("copied", "copied", "like real", "share"), Column("nearer", "nearer", "like real", "share"))
    fewest = 1
    needs_training_images = True
    knows_training_images = True

    def compute(self, reference: Reference, fake: View) -> Numbers:
        assert reference.train is not None
        own, held_out = (view.nearest_in(reference.train, self.extractor)[0] for view in (fake, reference.real))
        return {"copied": mean(is_copy(own)), "nearer": mean(nearer(own[:, 0].numpy(), held_out[:, 0].numpy()))}


metrics.register("memorised")(Memorised())
