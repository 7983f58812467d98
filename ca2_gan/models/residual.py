"""Residual networks: an enhanced DCGAN, a cGAN, and the Triple-GAN that adds a classifier."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ca2_gan.models.blocks import SameConv2d, SameConvTranspose2d, initialise_as_keras, keras_batch_norm
from ca2_gan.models.players import Discriminator, Generator, ModelSpec, Players
from ca2_gan.registry import models


class ResidualUp(nn.Module):
    """Doubles the sides of a feature map: [N, in, H, W] -> [N, out, 2H, 2W]."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv1 = SameConvTranspose2d(in_channels, out_channels, 3, stride=2, bias=False)
        self.norm1 = keras_batch_norm(out_channels)
        self.conv2 = SameConvTranspose2d(out_channels, out_channels, 3, bias=False)
        self.norm2 = keras_batch_norm(out_channels)
        self.skip = SameConvTranspose2d(in_channels, out_channels, 1, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.leaky_relu(self.norm1(self.conv1(x)), 0.2)
        return functional.leaky_relu(self.norm2(self.conv2(h)) + self.skip(x), 0.2)


class ConvDown(nn.Sequential):
    """Halves the sides of a feature map: [N, in, H, W] -> [N, out, ceil(H/2), ceil(W/2)]."""

    def __init__(self, in_channels: int, out_channels: int, dropout: float = 0.3):
        super().__init__(
            SameConv2d(in_channels, out_channels, 3, stride=2),
            nn.LeakyReLU(0.2),
            SameConv2d(out_channels, out_channels, 3),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
        )


class ResidualGenerator(Generator):
    """Dense to [256, H/4, W/4], two residual blocks, two convolutions: [N, noise_dim], [N] -> [N, C, H, W].

    :param conditional: whether the one-hot label is appended to the noise
    """

    def __init__(self, spec: ModelSpec, conditional: bool):
        super().__init__()
        channels, height, width = spec.image_shape
        self.num_classes = spec.num_classes if conditional else 0
        start = (256, height // 4, width // 4)
        size = 256 * start[1] * start[2]
        self.layers = nn.Sequential(
            nn.Linear(spec.noise_dim + self.num_classes, size, bias=False),
            keras_batch_norm(size, flat=True),
            nn.LeakyReLU(0.2),
            nn.Unflatten(1, start),
            ResidualUp(256, 128),
            ResidualUp(128, 64),
            SameConvTranspose2d(64, 32, 3, bias=False),
            keras_batch_norm(32),
            nn.LeakyReLU(0.2),
            SameConvTranspose2d(32, channels, 5, bias=False),
        )
        self.apply(initialise_as_keras)


class ResidualDiscriminator(Discriminator):
    """Three convolution blocks, global average pooling, three dense layers: [N, C, H, W], [N] -> [N].

    :param conditional: whether the label, through a dense layer, is one more channel of the image
    """

    def __init__(self, spec: ModelSpec, conditional: bool):
        super().__init__()
        channels, self.height, self.width = spec.image_shape
        self.num_classes = spec.num_classes
        self.label_plane = nn.Linear(spec.num_classes, self.height * self.width) if conditional else None
        self.blocks = nn.Sequential(ConvDown(channels + conditional, 64), ConvDown(64, 128), ConvDown(128, 256))
        self.dense = nn.Sequential(
            nn.Linear(256, 512), nn.LeakyReLU(0.2), nn.Dropout(0.5), nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Dropout(0.5)
        )
        self.head = nn.Linear(256, 1)
        self.apply(initialise_as_keras)

    def features(self, images: Tensor, labels: Tensor) -> Tensor:
        if self.label_plane is not None:
            plane = self.label_plane(functional.one_hot(labels, self.num_classes).to(images))  # [N, H W]
            images = torch.cat([images, plane.view(-1, 1, self.height, self.width).to(images)], dim=1)
        pooled = self.blocks(images).mean(dim=(2, 3))  # [N, 256]
        features: Tensor = self.dense(pooled)
        return features


class ConvClassifier(nn.Sequential):
    """Three convolution blocks, global average pooling, one dense layer: [N, C, H, W] -> class logits [N, K]."""

    def __init__(self, spec: ModelSpec, width: int = 32):
        super().__init__(
            ConvDown(spec.image_shape[0], width),
            ConvDown(width, 2 * width),
            ConvDown(2 * width, 4 * width),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4 * width, spec.num_classes),
        )
        self.apply(initialise_as_keras)


@models.register("dcgan_enhanced")
def dcgan_enhanced(spec: ModelSpec) -> Players:
    """An improved DCGAN: unconditional, residual generator, deeper discriminator."""
    return Players(ResidualGenerator(spec, conditional=False), ResidualDiscriminator(spec, conditional=False))


@models.register("cgan")
def cgan(spec: ModelSpec) -> Players:
    """Conditional GAN (Mirza & Osindero 2014) on the networks of ``dcgan_enhanced``."""
    generator, discriminator = ResidualGenerator(spec, conditional=True), ResidualDiscriminator(spec, conditional=True)
    return Players(generator, discriminator, is_conditional=True)


@models.register("triplegan")
def triplegan(spec: ModelSpec, classifier_width: int = 32) -> Players:
    """Triple-GAN (Li et al. 2017): the cGAN's two networks and a classifier; also learns from partly labelled data.

    :param classifier_width: channels of the classifier's first block
    """
    two: Players = cgan(spec)
    return two._replace(others={"classifier": ConvClassifier(spec, classifier_width)})
