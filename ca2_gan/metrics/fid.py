"""FID: the Frechet distance of Inception features."""

from numpy.random import Generator

from ca2_gan.metrics.bootstrap import Number, counts
from ca2_gan.metrics.frechet import frechet_distance, moments
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


class FID(Metric):
    """Frechet distance of Inception features (2048-d, pytorch-fid's network)."""

    columns = (Column("fid", "FID", "lower", "distance"),)
    extractor = "inception"

    def compute(self, reference: Reference, fake: View) -> Numbers:
        return {"fid": distance(reference.real, fake, self.extractor, is_resampled=False)}  # resamples of 2048 dimensions take minutes


def distance(real: View, fake: View, extractor: str | None, *, is_resampled: bool = True) -> Number:
    """Frechet distance of the features of two views."""

    def again(rng: Generator) -> float:
        sides = (view.features(extractor) for view in (real, fake))
        return frechet_distance(*(moments(side, counts(rng, len(side))) for side in sides))

    n, d = fake.features(extractor).shape
    note = f"of {n:,} images: with at most {d:,}, the covariance is singular; compare with the floor only." if n <= d else ""
    return Number(frechet_distance(real.moments(extractor), fake.moments(extractor)), again if is_resampled else None, note=note)


metrics.register("fid")(FID())
