"""The metrics by name: each compares a view of fakes with the real images and gives one or several numbers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ca2_gan.metrics.bootstrap import Number, Numbers, counts, mean
from ca2_gan.metrics.classes import pair_classes
from ca2_gan.metrics.classifier import Classifier, train_network
from ca2_gan.metrics.divergence import kl_divergence
from ca2_gan.metrics.frechet import frechet_distance, weighted_moments
from ca2_gan.metrics.kernel import kernel_distance
from ca2_gan.metrics.neighbours import NEAREST, is_copy, nearer, reached
from ca2_gan.metrics.view import Reference, View
from ca2_gan.registry import metrics


@dataclass(frozen=True)
class Metric:
    """A metric of the registry.

    :param summary: what it is, in a line
    :param columns: key of each number -> heading
    :param compute: the real images and a view of the fakes -> the numbers; None where there is none
    :param extractor: that it needs: ``inception``, ``classifier`` or None
    :param fewest: images of each side that it needs
    :param is_distance: whether less is better; else the numbers are shares or the like
    :param knows_training_images: whether those would come out better than new ones: its floor is that of held-out images
    """

    summary: str
    columns: dict[str, str]
    compute: Callable[[Reference, View], Numbers]
    extractor: str | None = "classifier"
    fewest: int = 2
    is_distance: bool = False
    knows_training_images: bool = False


def fid(reference: Reference, fake: View) -> Numbers:
    return {"fid": Number(frechet_distance(reference.real.moments("inception"), fake.moments("inception")))}


def fcd(reference: Reference, fake: View) -> Numbers:
    sides = [view.seen("classifier").features.astype(np.float64) for view in (reference.real, fake)]

    def again(rng: Generator) -> float:
        real, other = (weighted_moments(side, counts(rng, len(side))) for side in sides)
        return frechet_distance(real, other)

    return {"fcd": Number(frechet_distance(reference.real.moments("classifier"), fake.moments("classifier")), again)}


def intra(reference: Reference, fake: View) -> Numbers:
    found = pair_classes(reference.real, fake, reference.num_classes)
    pairs = [pair for pair in found if pair]
    if len(pairs) < len(found):  # the mean of the others would hide the class that is missing
        return {"intra": None}
    return {
        "intra": Number(
            float(np.mean([pair.distance() for pair in pairs])), lambda rng: float(np.mean([pair.distance(rng) for pair in pairs]))
        )
    }


def _kernel(extractor: str, key: str) -> Callable[[Reference, View], Numbers]:
    def compute(reference: Reference, fake: View) -> Numbers:
        found = kernel_distance(reference.real.seen(extractor).features, fake.seen(extractor).features)
        sides = mean(found.of_real), mean(found.of_fake)

        def again(rng: Generator) -> float:
            return found.value + sum(side.again(rng) - side.value for side in sides if side.again)

        return {key: Number(found.value, again, least=-np.inf)}

    return compute


def kl(reference: Reference, fake: View) -> Numbers:
    views = reference.real, fake
    return {
        "kl_class": _kl([np.eye(reference.num_classes, dtype=np.int64)[view.classes()] for view in views]),
        "kl_pixel": _kl([_histograms(view.samples.images) for view in views]),
    }


def _kl(sides: list[NDArray[np.int64]]) -> Number:
    """:param sides: a histogram for each real and each fake image, [N, bins] and [M, bins]"""
    floats = [side.astype(np.float64) for side in sides]

    def again(rng: Generator) -> float:
        real, fake = (counts(rng, len(side)).astype(np.float64) @ side for side in floats)
        return kl_divergence(real, fake)

    return Number(kl_divergence(sides[0].sum(axis=0), sides[1].sum(axis=0)), again)


def _histograms(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixel values of each image: [N, C, H, W] -> [N, 256]."""
    return np.stack([np.bincount(image.reshape(-1), minlength=256) for image in images])


def prdc(reference: Reference, fake: View) -> Numbers:
    found = reached(reference.real.seen("classifier").features, fake.seen("classifier").features)
    of_image = {"precision": found.precise, "recall": found.recalled, "density": found.dense, "coverage": found.covered}
    return {key: mean(values) for key, values in of_image.items()}


def acc(_: Reference, fake: View) -> Numbers:
    labels = fake.samples.labels
    return {"acc": None if labels is None else mean(fake.classes() == labels)}


def memorised(reference: Reference, fake: View) -> Numbers:
    own, held_out = (view.nearest_in(reference.train)[0] for view in (fake, reference.real))
    return {"copied": mean(is_copy(own)), "nearer": mean(nearer(own[:, 0].numpy(), held_out[:, 0].numpy()))}


def cas(reference: Reference, fake: View) -> Numbers:
    labels = fake.samples.labels
    if labels is None:
        return {"cas": None}
    judge = reference.real.extractors["classifier"]
    assert isinstance(judge, Classifier)
    network = train_network(fake.samples.images, labels, reference.num_classes, judge.recipe)
    taught = View(reference.real.samples, {"classifier": Classifier(network, judge.recipe, fake.samples.name)})
    return {"cas": mean(taught.classes() == reference.real.samples.labels)}


ENTRIES = {
    "fid": Metric(
        "Frechet distance of Inception features (2048-d, pytorch-fid's network)", {"fid": "FID"}, fid, "inception", is_distance=True
    ),
    "kid": Metric(
        "kernel distance of Inception features, unbiased for few images",
        {"kid": "KID"},
        _kernel("inception", "kid"),
        "inception",
        is_distance=True,
    ),
    "fcd": Metric("Frechet distance of the features (64-d) of a classifier trained on the data", {"fcd": "FCD"}, fcd, is_distance=True),
    "kcd": Metric(
        "kernel distance of these features, unbiased for few images", {"kcd": "KCD"}, _kernel("classifier", "kcd"), is_distance=True
    ),
    "intra": Metric("mean over the classes of each one's FCD", {"intra": "intra FCD"}, intra, is_distance=True),
    "kl": Metric(
        "KL(real || generated) in nats: of the classes that the classifier sees, and of the 256 pixel values",
        {"kl_class": "KL class", "kl_pixel": "KL pixel"},
        kl,
        fewest=1,
        is_distance=True,
    ),
    "prdc": Metric(
        f"precision, recall, density, coverage of the classifier's features, k = {NEAREST}",
        {"precision": "precision", "recall": "recall", "density": "density", "coverage": "coverage"},
        prdc,
        fewest=NEAREST + 1,
    ),
    "acc": Metric(
        "share of the labelled images that the classifier takes for what they should be (GAN-test)",
        {"acc": "accuracy"},
        acc,
        fewest=1,
        knows_training_images=True,
    ),
    "cas": Metric(
        "share of the real images that a classifier trained on the labelled fakes gets right (GAN-train); trains for a minute",
        {"cas": "CAS"},
        cas,
        fewest=50,
    ),
    "memorised": Metric(
        "share of copies of training images, and how often a fake is nearer to the training images than a held-out image is",
        {"copied": "copied", "nearer": "nearer"},
        memorised,
        fewest=1,
        knows_training_images=True,
    ),
}
for name, entry in ENTRIES.items():
    metrics.register(name)(entry)
