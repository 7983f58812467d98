"""Checks a training for signs of failure, and prints what to try."""

import math
import sys
from collections.abc import Mapping

import torch
from torch import Tensor
from tqdm import tqdm

from ca2_gan.training.linear import LinearClassifier
from ca2_gan.training.state import Callback, TrainingState

UNTRAINED = 10_000  # number of images before which samples of little variety, or of other classes, are normal
WATCHED, CLASSIFIED = 256, 512  # number of samples for the check of variety, for the check of classes
NO_VARIETY = 0.1  # share of the real images' spread
CERTAIN = 0.01  # discriminator loss below which it tells all images apart
LARGE = 1e3
PATIENCE = 3  # consecutive lines of the log
TELLING = 0.3  # least accuracy of the classifier on real images, between chance (0) and perfect (1), to judge samples

ADVICE = {
    "certain": "the discriminator tells all images apart (its loss is near 0), so the generator learns little: "
    "try a smaller --lr-d, --augment diffaugment, --spectral-norm, or --r1 1.",
    "large": "a loss is above 1,000, so training diverges: try smaller --lr-g and --lr-d, --clip 1, or --r1 1.",
    "variety": "the samples hardly differ (spread {found:.1f} of 255, of real images {real:.1f}), so the generator has collapsed: "
    "try --augment diffaugment, a smaller --lr-g, --loss relativistic --r1 1 --r2 1, or another --seed.",
    "classes": "the generator ignores its labels: a linear classifier finds the class of {found:.0%} of the samples "
    "(by chance {chance:.0%}; of {real:.0%} of real images). Train longer, or try --mismatched 0.5 or --model letters_gan.",
}


def variety(images: Tensor, labels: Tensor) -> float:
    """How much images of one class differ: mean over classes and pixels of the standard deviation, in gray values.

    :param images: uint8 [N, C, H, W]
    :param labels: int64 [N]; all the same where the images aren't made for a class
    """
    spreads = [images[labels == label].float().std(dim=0).mean() for label in labels.unique() if (labels == label).sum() > 1]
    return float(torch.stack(spreads).mean()) if spreads else math.nan


class Watch(Callback):
    """Warns of each bad sign once, and again only after the sign has disappeared.

    :param every: images between two checks of samples; 0 for one at the end only
    """

    def __init__(self, every: int = 20_000):
        self.every = every
        self._seen: dict[str, int] = {}
        self._classifier: LinearClassifier | None = None

    def on_start(self, state: TrainingState) -> None:
        images, labels = state.source.images[:WATCHED], state.source.labels[:WATCHED]
        self._real_variety = variety(images, labels if state.gan.is_conditional else torch.zeros_like(labels))

    def on_log(self, state: TrainingState, values: dict[str, float]) -> None:
        self._say(state, self.look_at_losses(values, getattr(state.config.game, "loss", "")))

    def on_round(self, state: TrainingState) -> None:
        if state.passed(self.every):
            self.on_end(state)

    def on_end(self, state: TrainingState) -> None:
        if state.images < UNTRAINED:
            return
        gan = state.averaged()
        labels = torch.arange(WATCHED) % min(gan.spec.num_classes, 8)
        images = gan.sample(WATCHED, labels, seed=1)
        self._say(state, self.look_at_variety(images, labels if gan.is_conditional else torch.zeros_like(labels), self._real_variety))
        if gan.is_conditional and gan.spec.num_classes > 1:
            self._classifier = self._classifier or LinearClassifier(state.data)
            labels = torch.arange(CLASSIFIED) % gan.spec.num_classes
            self._say(state, self.look_at_classes(gan.sample(CLASSIFIED, labels, seed=2), labels, self._classifier))

    def look_at_losses(self, values: Mapping[str, float], loss: str) -> list[str]:
        """Warnings about one line of the log.

        :param loss: name of the objective; the check for a loss near 0 skips objectives such as Wasserstein, where it is harmless
        """
        if not values.keys() >= {"d_loss", "g_loss"}:
            return []
        certain = loss in ("non-saturating", "hinge", "relativistic") and values["d_loss"] < CERTAIN
        large = max(abs(values["d_loss"]), abs(values["g_loss"])) > LARGE
        return self._told("certain", certain, PATIENCE) + self._told("large", large)

    def look_at_variety(self, images: Tensor, labels: Tensor, real_variety: float) -> list[str]:
        """Warnings about generated images, uint8 [N, C, H, W] with labels [N].

        :param real_variety: ``variety`` of real images
        """
        found = variety(images, labels)
        return self._told("variety", found < NO_VARIETY * real_variety, found=found, real=real_variety)

    def look_at_classes(self, images: Tensor, labels: Tensor, classifier: LinearClassifier) -> list[str]:
        """Warnings about images, uint8 [N, C, H, W], made for labels [N] in equal shares."""
        chance, real = 1 / classifier.num_classes, classifier.real_accuracy
        at_chance = chance + 3 * math.sqrt(chance * (1 - chance) / len(labels))  # three standard deviations
        found = classifier.accuracy(images, labels)
        is_ignored = found <= at_chance and real >= chance + TELLING * (1 - chance)
        return self._told("classes", is_ignored, found=found, chance=chance, real=real)

    def _told(self, sign: str, present: bool, patience: int = 1, **numbers: float) -> list[str]:
        self._seen[sign] = self._seen.get(sign, 0) + 1 if present else 0
        return [ADVICE[sign].format(**numbers)] if self._seen[sign] == patience else []

    def _say(self, state: TrainingState, warnings: list[str]) -> None:
        """Prints warnings above the progress bar."""
        for warning in warnings:
            tqdm.write(f"ca2-gan: after {state.images:,} images: {warning}", file=sys.stderr)
