"""The interfaces of a model's networks, and what they are built from."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ca2_core.errors import UserError

SMALLEST, LARGEST = 16, 64  # sides of the images
MOST = 10_000  # classes, and noise values; a larger network would fill the memory


@dataclass(frozen=True)
class ModelSpec:
    """What every builder gets.

    :param name: name in the registry, for messages
    :param num_classes: number of classes K
    :param image_shape: channels, height, width
    :param noise_dim: width of the generator's noise
    """

    name: str
    num_classes: int
    image_shape: tuple[int, int, int]
    noise_dim: int = 100

    def __post_init__(self) -> None:
        told = {"num_classes": self.num_classes, "noise_dim": self.noise_dim, "image_shape": self.image_shape}
        for name, value in told.items():
            if not all(isinstance(n, Integral) for n in (value if isinstance(value, tuple) else (value,))):
                raise UserError(f"{self.name}: {name}={value!r}: whole numbers are needed.")
        channels, height, width = self.image_shape
        if channels not in (1, 3):
            raise UserError(f"{self.name}: images have {channels} channels; 1 (gray) or 3 (RGB) are possible.")
        if any(side % 4 or not SMALLEST <= side <= LARGEST for side in (height, width)):
            sizes = f"multiples of 4 from {SMALLEST} to {LARGEST}"
            raise UserError(f"{self.name}: images are {height}x{width}; its sides have to be {sizes}. --resize 28 scales them.")
        if not (1 <= self.num_classes <= MOST and 1 <= self.noise_dim <= MOST):
            counts = f"{self.num_classes:,} classes and {self.noise_dim:,} noise values"
            raise UserError(f"{self.name}: {counts}; each has to be from 1 to {MOST:,}.")

    @property
    def doublings(self) -> int:
        """Number of doublings from the smallest feature map, whose sides are whole numbers of at least 4, to the image."""
        doublings, sides = 0, self.image_shape[1:]
        while all(side % 2 == 0 and side >= 8 for side in sides):
            doublings, sides = doublings + 1, (sides[0] // 2, sides[1] // 2)
        return doublings

    @property
    def base_sides(self) -> tuple[int, int]:
        """Height and width of the smallest feature map, such as (7, 7) for 28x28 and (4, 4) for 64x64."""
        return self.image_shape[1] >> self.doublings, self.image_shape[2] >> self.doublings


class Generator(nn.Module):
    """Makes images: noise [N, noise_dim], labels int64 [N] -> images [N, C, H, W] in [-1, 1].

    Unconditional generators take labels too, and ignore them. By default, ``forward`` is the tanh of ``layers``, whose input is the
    noise and, unless ``num_classes`` is 0, the one-hot label.
    """

    layers: nn.Module
    num_classes = 0

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        if self.num_classes:
            noise = torch.cat([noise, one_hot(labels, self.num_classes).to(noise)], dim=1)
        images: Tensor = self.layers(noise)
        return images.tanh()


class Discriminator(nn.Module):
    """Tells real images from generated ones: images [N, C, H, W], labels int64 [N] -> logits [N].

    It has two halves, ``features`` and ``logit``, since feature matching and auxiliary classifiers need the features between them. By
    default, these run ``layers`` and ``head``.
    """

    layers: nn.Module
    head: nn.Module
    features_know_labels = True  # False: features don't depend on labels, so logits of further labels cost little

    def features(self, images: Tensor, labels: Tensor) -> Tensor:
        """All but the last layer: [N, C, H, W], [N] -> [N, d]."""
        features: Tensor = self.layers(images)
        return features

    def logit(self, features: Tensor, labels: Tensor) -> Tensor:
        """The last layer: [N, d], [N] -> logits [N]."""
        logits: Tensor = self.head(features)
        return logits.squeeze(1)

    def classify(self, features: Tensor) -> Tensor | None:
        """Logits [N, K] of an auxiliary classifier on the features [N, d], or None without one."""
        return None

    def logits_as(self, images: Tensor, candidates: Tensor) -> Tensor:
        """Logits of every image under each of M labels: [N, C, H, W], int64 [N, M] -> [N, M]."""
        count, labels = candidates.shape[1], candidates.flatten()
        if self.features_know_labels:
            features = self.features(images.repeat_interleave(count, dim=0), labels)
        else:
            features = self.features(images, candidates[:, 0]).repeat_interleave(count, dim=0)
        return self.logit(features, labels).view(-1, count)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.logit(self.features(images, labels), labels)


class Players(NamedTuple):
    """A model's networks.

    :param generator: makes images
    :param discriminator: tells generated images from real ones; None in a model that can only be sampled
    :param is_conditional: whether the generator's images depend on the labels
    :param others: further players by name, for a game that has turns for them
    """

    generator: Generator
    discriminator: Discriminator | None
    is_conditional: bool = False
    others: Mapping[str, nn.Module] = MappingProxyType({})
