"""Looks at a training for signs that it has gone wrong, and says what to try."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

NO_VARIETY = 0.1  # of the real images' spread
CERTAIN = 0.01  # a discriminator's loss below which it tells everything apart
LARGE = 1e3
PATIENCE = 3  # lines of the log in a row


def variety(images: Tensor, labels: Tensor) -> float:
    """How much images of one class differ: mean over classes and pixels of the standard deviation, in gray values.

    :param images: uint8 [N, C, H, W]
    :param labels: int64 [N]; all the same where the images aren't made for a class
    """
    spreads = [images[labels == label].float().std(dim=0).mean() for label in labels.unique() if (labels == label).sum() > 1]
    return float(torch.stack(spreads).mean()) if spreads else math.nan


class Watch:
    """Counts bad signs; each is told once, and again only after it has gone away.

    :param real_variety: ``variety`` of real images
    :param loss: name of the objective; a critic's loss of Wasserstein may be small or large without harm
    """

    def __init__(self, real_variety: float, loss: str):
        self.real_variety, self.loss = real_variety, loss
        self._seen: dict[str, int] = {}

    def losses(self, values: Mapping[str, float]) -> list[str]:
        """Warnings about one line of the log."""
        certain = self.loss in ("non-saturating", "hinge", "relativistic") and values["d_loss"] < CERTAIN
        large = max(abs(values["d_loss"]), abs(values["g_loss"])) > LARGE
        return [
            *self._told(
                "certain",
                certain,
                PATIENCE,
                "the discriminator tells everything apart (its loss is near 0), so the generator learns little: "
                "try a smaller --lr-d, --augment diffaugment, --spectral-norm, or --r1 1.",
            ),
            *self._told(
                "large",
                large,
                1,
                "the losses are above 1,000, training diverges: try smaller --lr-g and --lr-d, --clip 1, or --r1 1.",
            ),
        ]

    def samples(self, images: Tensor, labels: Tensor) -> list[str]:
        """Warnings about generated images, uint8 [N, C, H, W] with labels [N]."""
        found = variety(images, labels)
        return self._told(
            "variety",
            found < NO_VARIETY * self.real_variety,
            1,
            f"the samples hardly differ (spread {found:.1f} of 255, real ones {self.real_variety:.1f}), the generator has collapsed: "
            "try --augment diffaugment, a smaller --lr-g, --loss relativistic --r1 1 --r2 1, or another --seed.",
        )

    def _told(self, sign: str, present: bool, patience: int, advice: str) -> list[str]:
        self._seen[sign] = self._seen.get(sign, 0) + 1 if present else 0
        return [advice] if self._seen[sign] == patience else []
