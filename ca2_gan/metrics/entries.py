"""The metrics by name: each compares a view of fakes with one of real images and gives one or several numbers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ca2_gan.metrics.divergence import kl_divergence
from ca2_gan.metrics.frechet import frechet_distance
from ca2_gan.metrics.neighbours import NEAREST
from ca2_gan.metrics.neighbours import prdc as compute_prdc
from ca2_gan.metrics.view import View
from ca2_gan.registry import metrics

Scores = dict[str, float | None]


@dataclass(frozen=True)
class Metric:
    """A metric of the registry.

    :param summary: what it is, in a line
    :param columns: key of each number -> heading
    :param extractor: that it needs: ``inception``, ``classifier`` or None
    :param fewest: images of each side that it needs
    :param compute: real and fake view -> the numbers; None where there is none
    """

    summary: str
    columns: dict[str, str]
    extractor: str | None
    fewest: int
    compute: Callable[[View, View], Scores]


def fid(real: View, fake: View) -> Scores:
    return {"fid": frechet_distance(real.moments("inception"), fake.moments("inception"))}


def fcd(real: View, fake: View) -> Scores:
    return {"fcd": frechet_distance(real.moments("classifier"), fake.moments("classifier"))}


def kl(real: View, fake: View) -> Scores:
    classes = max(int(real.classes().max()), int(fake.classes().max())) + 1
    if real.samples.labels is not None:
        classes = max(classes, int(real.samples.labels.max()) + 1)
    return {
        "kl_class": kl_divergence(np.bincount(real.classes(), minlength=classes), np.bincount(fake.classes(), minlength=classes)),
        "kl_pixel": kl_divergence(
            np.bincount(real.samples.images.reshape(-1), minlength=256), np.bincount(fake.samples.images.reshape(-1), minlength=256)
        ),
    }


def prdc(real: View, fake: View) -> Scores:
    found = compute_prdc(real.seen("classifier").features, fake.seen("classifier").features)
    return {"precision": found.precision, "recall": found.recall, "density": found.density, "coverage": found.coverage}


def acc(_: View, fake: View) -> Scores:
    labels = fake.samples.labels
    return {"acc": None if labels is None else float((fake.classes() == labels).mean())}


metrics.register("fid")(
    Metric("Frechet distance of Inception features (2048-d, pytorch-fid's network)", {"fid": "FID"}, "inception", 2, fid)
)
metrics.register("fcd")(
    Metric("Frechet distance of the features (64-d) of a classifier trained on the data", {"fcd": "FCD"}, "classifier", 2, fcd)
)
metrics.register("kl")(
    Metric(
        "KL(real || generated) in nats: of the classes that the classifier sees, and of the 256 pixel values",
        {"kl_class": "KL class", "kl_pixel": "KL pixel"},
        "classifier",
        1,
        kl,
    )
)
metrics.register("prdc")(
    Metric(
        f"precision, recall, density, coverage of the classifier's features, k = {NEAREST}",
        {"precision": "prec.", "recall": "recall", "density": "dens.", "coverage": "cover."},
        "classifier",
        NEAREST + 1,
        prdc,
    )
)
metrics.register("acc")(
    Metric(
        "share of the labelled images that the classifier takes for what they should be (GAN-test)", {"acc": "acc."}, "classifier", 1, acc
    )
)
