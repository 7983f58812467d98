"""Diversity within the classes: whether the images of one class differ from each other as real ones do."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ca2_gan.metrics.bootstrap import Missing, Number
from ca2_gan.metrics.classes import FEWEST, Pair, pair_classes
from ca2_gan.metrics.metric import Column, Metric, Numbers
from ca2_gan.metrics.neighbours import nearest
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics

# A near-duplicate is nearer to another fake than this share of the median distance of nearest real images; real ones hardly ever are
NEAR = 1 / 3
# A note names classes whose ratio of spreads is below the first, or whose share of near-duplicates is above the second
ALIKE, MANY = 0.3, 0.5


def spread(features: NDArray[np.floating]) -> float:
    """Mean squared distance between two different images: twice the trace of the covariance.

    :param features: [N, d]
    """
    return 2 * float(features.var(axis=0, ddof=1, dtype=np.float64).sum())


def near_duplicates(real: NDArray[np.floating], fake: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which fakes are much nearer to another fake of their class than real images are to each other: [N].

    :param real: features of a class [N, d]
    :param fake: features of as many fakes [N, d]; with more images, nearest neighbours are nearer
    """
    to_real, to_fake = (nearest(side, side, 2)[0][:, 1].numpy() for side in (real, fake))
    is_near: NDArray[np.bool_] = (to_fake < NEAR * np.median(to_real)) | (to_fake == 0)
    return is_near


class Diversity(Metric):
    """Spread of the images of a class relative to real ones, mean and lowest over classes; share of near-duplicates in the worst class."""

    columns = (
        Column("diversity", "diversity", "like real", "ratio"),
        Column("diversity_min", "min. diversity", "like real", "ratio"),
        Column("near_duplicates", "near-duplicates", "like real", "share"),
    )

    def compute(self, reference: Reference, fake: View) -> Numbers:
        names = reference.class_names
        if not names:
            return {column.key.removesuffix(self.suffix): Missing("the classes are unknown") for column in self.columns}
        found = pair_classes(reference.real, fake, len(names), self.extractor)
        few = [name for name, pair in zip(names, found, strict=True) if pair is None]
        if few:
            why = Missing(f"fewer than {FEWEST} images of {', '.join(few)} on one side")
            return {column.key.removesuffix(self.suffix): why for column in self.columns}
        pairs = [pair for pair in found if pair]
        ratios = np.array([ratio(pair) for pair in pairs])
        shares = [float(near_duplicates(pair.real, pair.fake).mean()) for pair in pairs]
        least, worst = int(ratios.argmin()), int(np.argmax(shares))

        def again(rng: Generator) -> NDArray[np.float64]:
            return np.array([ratio(pair, rng) for pair in pairs])

        return {
            "diversity": Number(float(ratios.mean()), lambda rng: float(again(rng).mean())),
            "diversity_min": Number(
                float(ratios[least]),
                lambda rng: ratio(pairs[least], rng),
                note=f"of class {names[least]}: its images hardly differ." if ratios[least] < ALIKE else "",
            ),
            "near_duplicates": Number(shares[worst], most=1, note=f"in class {names[worst]}." if shares[worst] > MANY else ""),
        }


def ratio(pair: Pair, rng: Generator | None = None) -> float:
    """Spread of the fakes divided by that of the real images; with ``rng``, of images resampled with replacement."""
    real, fake = (side if rng is None else side[rng.integers(0, len(side), len(side))] for side in (pair.real, pair.fake))
    return spread(fake) / max(spread(real), np.finfo(np.float64).tiny)


metrics.register("diversity")(Diversity())
