"""``evaluate``: compares any two sets of images."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ca2_core.arguments import MAX_SEED
from ca2_core.errors import UserError
from ca2_core.settings import Setting
from ca2_gan.data import Dataset, load_data
from ca2_gan.data.dataset import digest_images
from ca2_gan.metrics.bootstrap import RESAMPLES
from ca2_gan.metrics.metric import Score
from ca2_gan.metrics.samples import Source, describe_size, open_source
from ca2_gan.metrics.suite import MOST, Suite, find_metric, parse_metrics

DEFAULT_METRICS = ("fid", "kid", "fcd", "kcd", "mind", "intra", "kl", "prdc", "isc", "diversity", "acc", "memorised")
SETTINGS = {
    "n": Setting("images on each side", int | None, low=1),
    "seed": Setting("seed of samples, choices and intervals", int, low=0, high=MAX_SEED),
    "resamples": Setting("bootstrap resamples for the intervals", int, low=2, also=(0,)),
}
MOST_COPIES = 0.01  # largest share of the real images that may be in ``train``


def evaluate(
    a: Any,
    b: Any,
    metrics: Sequence[str] | None = None,
    *,
    train: Any = None,
    n: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    resamples: int = RESAMPLES,
    classifier: str = "first",
    by: str | None = None,
    inception_weights: str | Path | None = None,
) -> dict[str, Score]:
    """Compares images with real ones: ``evaluate(gan, data.test, ["fcd", "prdc"])["fcd"].value``.

    Either side may be a model, a ``Dataset``, images or (images, labels) as arrays, or the path or name of a model, a run, a folder of
    pictures, an npz or other data.

    :param a: the images to score; a conditional model is sampled with the class shares of ``train`` or, without it, of ``b``
    :param b: the real images
    :param metrics: names, as `ca2-gan list metrics` shows them, or ``metric:extractor`` to use another network's features, such as
        ``prdc:inception``; None for the default ones or, without ``train``, for those of them that need no training images
    :param train: labelled images like those of ``b``, but none of them, on which the reference classifier is trained: a ``Dataset`` or
        what ``load_data`` takes; None takes the training split that belongs to ``b``, if ``b`` is the test part of a ``Dataset``
    :param n: images on each side; None for as many as both have, up to 10,000
    :param seed: seed of a model's samples, of the choice of images, and of the intervals
    :param device: device of the networks
    :param resamples: bootstrap resamples for the intervals; 0 for none
    :param classifier: which reference classifier, ``first`` or ``second``; a claim should hold with both
    :param by: attribute of the real images, such as "upper" or "writer": adds recall and coverage of each group, as
        ``recall[upper=yes]``
    :param inception_weights: path of pt_inception-2015-12-05-6726825d.pth; None downloads it
    :return: scores by key; ``prdc`` has four of them
    :raises UserError: if the two don't fit together, or a metric can't be computed
    """
    told = {"n": n, "seed": seed, "resamples": resamples}
    n, seed, resamples = (SETTINGS[name].read(name, value, "evaluate") for name, value in told.items())
    names = list(DEFAULT_METRICS) if metrics is None else parse_metrics(metrics)
    check_device(device)
    reference = open_source(b, device)
    candidate = fitting(open_source(a, device), reference)
    if train is None:
        train = reference.train
    else:
        train = train if isinstance(train, Dataset) else load_data(train)
        check_apart(train, reference)
    if metrics is None and train is None:
        names = [name for name in names if not find_metric(name).learns_from_training_images]
    n = choose_n(n, [candidate, reference])
    real = b if isinstance(b, Dataset) else reference.draw(n, train or candidate.images, seed)
    suite = Suite(names, train, real, n, seed, Path(inception_weights) if inception_weights else None, resamples, classifier, device)
    for note in suite.notes:
        warnings.warn(note, stacklevel=2)
    view = suite.view(candidate.draw(n, train or reference.images, seed))
    del candidate, reference  # frees large files, of which only a part is compared
    return suite.scores(view) | (suite.scores_by(by, view) if by else {})


def check_apart(train: Dataset, reference: Source) -> None:
    """:raises UserError: if more than 1 % of the real images are among those on which the classifier is trained"""
    images = reference.images
    share = 0.0 if images is None else float(np.isin(digest_images(images.images), train.digests).mean())
    if share > MOST_COPIES:
        raise UserError(
            f"train: {share:.0%} of the images of {reference.name} are in it: the classifier would be trained on images that it judges. "
            "Give other images, such as train=data.train with data.test."
        )


def check_device(device: str) -> None:
    """:raises UserError: if there is no such device"""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise UserError(f"device {device!r} can't be used: {str(error).splitlines()[0]}") from error


def fitting(candidate: Source, reference: Source) -> Source:
    """The candidate, after a check of its image shape.

    :raises UserError: if its images have another shape than the reference's
    """
    if candidate.image_shape != reference.image_shape:
        sizes = [describe_size(source.image_shape) for source in (candidate, reference)]
        raise UserError(f"{candidate.name}: images of {sizes[0]}, but {reference.name} has {sizes[1]}. Resize one of them.")
    return candidate


def choose_n(asked: int | None, sources: Sequence[Source]) -> int:
    """Number of images on each side: as many as all have, up to 10,000, unless another number is asked for.

    :raises UserError: if more are asked for than there are
    """
    there = [(source.name, len(source.images)) for source in sources if source.images is not None]
    for name, count in there:
        if asked is not None and count < asked:
            raise UserError(f"{name}: {count:,} images, but {asked:,} are asked for. Give a smaller n, or more images.")
    return asked or min([MOST, *(count for _, count in there)])
