"""FID: how far apart the features of Inception lie."""

from ca2_gan.metrics.bootstrap import Number
from ca2_gan.metrics.frechet import frechet_distance
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class FID(Metric):
    """Frechet distance of Inception features (2048-d, pytorch-fid's network)."""

    columns = (Column("fid", "FID", "lower", "distance"),)
    extractor = "inception"

    def compute(self, reference: Reference, fake: View) -> Numbers:
        distance = frechet_distance(reference.real.moments(self.extractor), fake.moments(self.extractor))
        return {"fid": Number(distance, note=rank_note(fake.features(self.extractor).shape))}


def rank_note(shape: tuple[int, ...]) -> str:
    """What to know of a Frechet distance of features of that shape, [N, d]."""
    n, d = shape
    return f"of {n:,} images: up to {d:,} the covariance is singular; compare with the floor only." if n <= d else ""


metrics.register("fid")(FID())
