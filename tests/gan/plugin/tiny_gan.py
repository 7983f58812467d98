"""A package of someone else's: a model, a data format and an extractor, which the entry points in its metadata name."""

from pathlib import Path

import numpy as np
from torch import Tensor, nn

from ca2_gan import Discriminator, Generator, ModelSpec, Players
from ca2_gan.data import Format, Raw


class TinyGenerator(Generator):
    def __init__(self, spec: ModelSpec):
        super().__init__()
        channels, height, width = spec.image_shape
        self.layers = nn.Sequential(
            nn.Linear(spec.noise_dim, channels * height * width), nn.Unflatten(1, (channels, height, width)), nn.Tanh()
        )

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        return self.layers(noise)


class TinyDiscriminator(Discriminator):
    def __init__(self, spec: ModelSpec):
        super().__init__()
        channels, height, width = spec.image_shape
        self.head = nn.Linear(channels * height * width, 1)

    def features(self, images: Tensor, labels: Tensor) -> Tensor:
        return images.flatten(1)

    def logit(self, features: Tensor, labels: Tensor) -> Tensor:
        return self.head(features).squeeze(1)


def tiny(spec: ModelSpec) -> Players:
    """One layer each."""
    return Players(TinyGenerator(spec), TinyDiscriminator(spec))


def pixels(_: object) -> nn.Module:
    """The pixels themselves."""
    return nn.Flatten()


def read_text(path: Path) -> Raw:
    """Rows of four characters are images of 2x2."""
    rows = path.read_text().split()
    return Raw(str(path), np.array([[int(cell) for cell in row] for row in rows]).reshape(-1, 2, 2), None)


TEXT = Format("a .text", lambda path: path.suffix == ".text", read_text)
