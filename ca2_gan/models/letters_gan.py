"""A conditional GAN for small pictures on small machines: nearly all of its arithmetic is at the smallest feature map."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ca2_gan.models.blocks import ConditionalBatchNorm2d
from ca2_gan.models.players import Generator, ModelSpec, Players
from ca2_gan.models.sngan import ProjectionDiscriminator
from ca2_gan.registry import models
from ca2_gan.spectral_norm import normalise_spectrally

SLOPE = 0.1
# Initial standard deviation of the class maps. The part from the noise has .2; with class maps of .5 or more, samples did not vary
CLASS_MAPS = 0.05


def widths_by_size(spec: ModelSpec, width: int) -> list[int]:
    """Channels from the smallest feature map to the largest, which has half the image's sides and ``width``: (64, 32) for 28x28 and 32."""
    return [width << i for i in reversed(range(spec.doublings))]


class ResidualConv(nn.Module):
    """x + conv(relu(norm(x))): [N, F, H, W], [N] -> [N, F, H, W]."""

    def __init__(self, features: int, num_classes: int):
        super().__init__()
        self.norm = ConditionalBatchNorm2d(features, num_classes)
        self.conv = nn.Conv2d(features, features, 3, padding=1, bias=False)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        y: Tensor = self.conv(self.norm(x, labels).relu())
        return x + y


class LettersGenerator(Generator):
    """Dense, residual convolutions at the smallest size, 4x4 transposed convolutions up to the image: [N, noise_dim], [N] -> [N, C, H, W].

    :param width: channels of the largest feature map, half as high and wide as the image; twice as many before each doubling
    :param blocks: residual convolutions
    :param class_maps: whether each class has a learned feature map of its own, which is added to that of the noise
    """

    def __init__(self, spec: ModelSpec, width: int, blocks: int, class_maps: bool):
        super().__init__()
        widths = widths_by_size(spec, width)
        self.start = (widths[0], *spec.base_sides)
        self.dense = nn.Linear(spec.noise_dim, math.prod(self.start))
        self.class_maps = nn.Embedding(spec.num_classes, math.prod(self.start)) if class_maps else None
        self.blocks = nn.ModuleList(ResidualConv(widths[0], spec.num_classes) for _ in range(blocks))
        self.norms = nn.ModuleList(ConditionalBatchNorm2d(w, spec.num_classes) for w in widths)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False) for a, b in itertools.pairwise(widths))
        self.to_image = nn.ConvTranspose2d(width, spec.image_shape[0], 4, 2, 1)
        initialise(self)
        if self.class_maps is not None:
            nn.init.normal_(self.class_maps.weight, std=CLASS_MAPS)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        h = self.dense(noise)
        if self.class_maps is not None:
            h = h + self.class_maps(labels)
        h = h.unflatten(1, self.start).contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            h = block(h, labels)
        for up, norm in zip(self.ups, self.norms, strict=False):
            h = up(norm(h, labels).relu())  # [N, half the channels, twice the sides]
        images: Tensor = self.to_image(self.norms[-1](h, labels).relu())
        return images.tanh()


class LettersDiscriminator(ProjectionDiscriminator):
    """4x4 convolutions of stride 2, residual convolutions at the smallest size, their sum h over the pixels, logit h w + <e_y, h>.

    [N, C, H, W], [N] -> [N].

    :param width: channels of the first feature map, half as high and wide as the image; twice as many after each halving
    :param blocks: residual convolutions
    :param projection: whether the logit has the term <e_y, h>; without it, labels are ignored
    :param auxiliary: whether there is an auxiliary classifier on h
    """

    def __init__(self, spec: ModelSpec, width: int, blocks: int, projection: bool, auxiliary: bool):
        super().__init__()
        widths = [spec.image_shape[0], *reversed(widths_by_size(spec, width))]
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in itertools.pairwise(widths))
        self.blocks = nn.ModuleList(nn.Conv2d(widths[-1], widths[-1], 3, padding=1) for _ in range(blocks))
        self.head = nn.Linear(widths[-1], 1)
        self.embedding = nn.Embedding(spec.num_classes, widths[-1]) if projection else None
        self.auxiliary = nn.Linear(widths[-1], spec.num_classes) if auxiliary else None
        initialise(self)

    def features(self, images: Tensor, labels: Tensor) -> Tensor:
        h = self.downs[0](images.contiguous(memory_format=torch.channels_last))
        for down in self.downs[1:]:
            h = down(functional.leaky_relu(h, SLOPE))  # [N, twice the channels, half the sides]
        for block in self.blocks:
            h = h + block(functional.leaky_relu(h, SLOPE))
        return functional.leaky_relu(h, SLOPE).sum(dim=(2, 3))

    def classify(self, features: Tensor) -> Tensor | None:
        return None if self.auxiliary is None else self.auxiliary(features)


def initialise(network: nn.Module) -> None:
    """Glorot-uniform weights in channels-last memory, in which convolutions of few pixels are faster on a CPU."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
    network.to(memory_format=torch.channels_last)


@models.register("letters_gan")
def letters_gan(
    spec: ModelSpec,
    width: int = 32,
    g_blocks: int = 2,
    d_blocks: int = 2,
    class_maps: bool = True,
    projection: bool = True,
    auxiliary: bool = False,
    d_spectral_norm: bool = True,
) -> Players:
    """Our model for small pictures on small machines: conditional, spectral norm, projection, arithmetic at the smallest size.

    :param width: channels of the largest feature map
    :param g_blocks: residual convolutions of the generator
    :param d_blocks: residual convolutions of the discriminator
    :param class_maps: whether the generator starts from a learned feature map of the class, as well as from the noise
    :param projection: whether the discriminator sees the label
    :param auxiliary: whether the discriminator also classifies real and generated images
    :param d_spectral_norm: whether the discriminator has spectral norm
    """
    discriminator = LettersDiscriminator(spec, width, d_blocks, projection, auxiliary)
    if d_spectral_norm:
        normalise_spectrally(discriminator)
    return Players(LettersGenerator(spec, width, g_blocks, class_maps), discriminator, is_conditional=True)
