"""R3GAN (Huang et al. 2024, "The GAN is dead; long live the GAN!"), made small. Written from the paper.

It has no normalisation. The relativistic loss with R1 + R2 and the initialisation of Fixup (Zhang et al. 2019) keep it stable.
"""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ca2_core.errors import UserError
from ca2_gan.models.blocks import leaky_tanh
from ca2_gan.models.players import Discriminator, Generator, ModelSpec, Players
from ca2_gan.registry import models

GROUP_WIDTH = 16
EMBEDDING = 64
SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))


def scaled(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> nn.Conv2d | nn.Linear:
    """A layer whose weights are N(0, gain^2 / fan_in)."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel())) if gain else nn.init.zeros_(layer.weight)
    return layer


class BiasedLeakyReLU(nn.Module):
    """LeakyReLU(x + b), b learned per channel: [N, F, H, W] -> [N, F, H, W]. The network's only biases."""

    def __init__(self, features: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x + self.bias[:, None, None], SLOPE)


class Residual(nn.Module):
    """x + 1x1(grouped 3x3(1x1(x))), twice as wide inside: [N, F, H, W] -> [N, F, H, W].

    :param features: channels
    :param depth: number L of residual blocks in the network; Fixup scales the first two layers by L^(-1/4) and sets the last to zero
    """

    def __init__(self, features: int, depth: int):
        super().__init__()
        inner, gain = 2 * features, GAIN * depth**-0.25
        self.layers = nn.Sequential(
            scaled(nn.Conv2d(features, inner, 1, bias=False), gain),
            BiasedLeakyReLU(inner),
            scaled(nn.Conv2d(inner, inner, 3, padding=1, groups=inner // GROUP_WIDTH, bias=False), gain),
            BiasedLeakyReLU(inner),
            scaled(nn.Conv2d(inner, features, 1, bias=False), 0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y


class R3Generator(Generator):
    """Learned basis maps weighted by (noise, class), then residual stages that double the sides: [N, noise_dim], [N] -> [N, C, H, W].

    :param width: channels of the largest feature map; twice as many before each doubling
    :param blocks: residual blocks at each size
    """

    def __init__(self, spec: ModelSpec, width: int, blocks: int):
        super().__init__()
        widths = [width << i for i in reversed(range(spec.doublings + 1))]
        depth = blocks * len(widths)
        self.embedding = nn.Embedding(spec.num_classes, EMBEDDING)
        self.basis = nn.Parameter(torch.randn(widths[0], *spec.base_sides))
        self.weights = scaled(nn.Linear(spec.noise_dim + EMBEDDING, widths[0], bias=False))
        self.stages = nn.ModuleList(nn.Sequential(*(Residual(w, depth) for _ in range(blocks))) for w in widths)
        self.shrinks = nn.ModuleList(scaled(nn.Conv2d(a, b, 1, bias=False)) for a, b in itertools.pairwise(widths))
        self.to_image = scaled(nn.Conv2d(width, spec.image_shape[0], 1, bias=False))

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        weights: Tensor = self.weights(torch.cat([noise, self.embedding(labels)], dim=1))
        h = self.stages[0](weights[:, :, None, None] * self.basis)
        for shrink, stage in zip(self.shrinks, self.stages[1:], strict=True):
            h = stage(functional.interpolate(shrink(h), scale_factor=2, mode="bilinear"))  # half the channels, twice the sides
        images: Tensor = self.to_image(h)
        return leaky_tanh(images)


class R3Discriminator(Discriminator):
    """The generator's mirror image; the logit is the product with the class's embedding: [N, C, H, W], [N] -> [N].

    :param width: channels of the largest feature map; twice as many after each halving
    :param blocks: residual blocks at each size
    """

    features_know_labels = False

    def __init__(self, spec: ModelSpec, width: int, blocks: int):
        super().__init__()
        widths = [width << i for i in range(spec.doublings + 1)]
        depth = blocks * len(widths)
        self.from_image = scaled(nn.Conv2d(spec.image_shape[0], width, 1, bias=False))
        self.stages = nn.ModuleList(nn.Sequential(*(Residual(w, depth) for _ in range(blocks))) for w in widths)
        self.widens = nn.ModuleList(scaled(nn.Conv2d(a, b, 1, bias=False)) for a, b in itertools.pairwise(widths))
        self.basis = nn.Parameter(torch.randn(widths[-1], *spec.base_sides) / math.sqrt(spec.base_sides[0] * spec.base_sides[1]))
        self.head = scaled(nn.Linear(widths[-1], EMBEDDING, bias=False))
        self.embedding = nn.Embedding(spec.num_classes, EMBEDDING)

    def features(self, images: Tensor, labels: Tensor) -> Tensor:
        h = self.stages[0](self.from_image(images))
        for widen, stage in zip(self.widens, self.stages[1:], strict=True):
            h = stage(widen(functional.avg_pool2d(h, 2)))  # twice the channels, half the sides
        pooled: Tensor = (h * self.basis).sum(dim=(2, 3))  # [N, F]
        return pooled

    def logit(self, features: Tensor, labels: Tensor) -> Tensor:
        projected: Tensor = self.head(features)
        embedded: Tensor = self.embedding(labels)
        return (projected * embedded).sum(dim=1) / math.sqrt(EMBEDDING)


@models.register("r3gan")
def r3gan(spec: ModelSpec, width: int = 32, blocks: int = 1) -> Players:
    """R3GAN (Huang et al. 2024): relativistic, R1 + R2, residual networks without normalisation; small.

    :param width: channels of the largest feature map, a multiple of 8
    :param blocks: residual blocks at each size
    """
    if width % 8:
        raise UserError(f"r3gan: width {width} is not a multiple of 8, which its grouped convolutions need.")
    return Players(R3Generator(spec, width, blocks), R3Discriminator(spec, width, blocks), is_conditional=True)
