"""TensorFlow's DCGAN tutorial, layer by layer: the simplest model of the zoo."""

from torch import Tensor, nn
from torch.nn import functional

from ca2_gan.models.blocks import SameConv2d, SameConvTranspose2d, initialise_as_keras, keras_batch_norm
from ca2_gan.models.players import Discriminator, Generator, ModelSpec, Players
from ca2_gan.registry import models


class DCGANGenerator(Generator):
    """Dense to [256, H/4, W/4], then 5x5 transposed convolutions of stride 1, 2, 2: [N, noise_dim], [N] -> [N, C, H, W]."""

    def __init__(self, spec: ModelSpec):
        super().__init__()
        channels, height, width = spec.image_shape
        start = (256, height // 4, width // 4)
        size = 256 * start[1] * start[2]
        self.layers = nn.Sequential(
            nn.Linear(spec.noise_dim, size, bias=False),
            keras_batch_norm(size, flat=True),
            nn.LeakyReLU(0.3),
            nn.Unflatten(1, start),
            SameConvTranspose2d(256, 128, 5, bias=False),
            keras_batch_norm(128),
            nn.LeakyReLU(0.3),
            SameConvTranspose2d(128, 64, 5, stride=2, bias=False),
            keras_batch_norm(64),
            nn.LeakyReLU(0.3),
            SameConvTranspose2d(64, channels, 5, stride=2, bias=False),
        )
        self.apply(initialise_as_keras)


class DCGANDiscriminator(Discriminator):
    """Two 5x5 convolutions of stride 2 with dropout, and a dense layer: [N, C, H, W], [N] -> [N]."""

    def __init__(self, spec: ModelSpec):
        super().__init__()
        channels, height, width = spec.image_shape
        self.conv1 = SameConv2d(channels, 64, 5, stride=2)
        self.conv2 = SameConv2d(64, 128, 5, stride=2)
        self.dropout = nn.Dropout(0.3)
        self.dense = nn.Linear(128 * (height // 4) * (width // 4), 1)
        self.apply(initialise_as_keras)

    def features(self, images: Tensor, labels: Tensor) -> Tensor:
        h: Tensor = self.dropout(functional.leaky_relu(self.conv1(images), 0.3))  # [N, 64, H/2, W/2]
        h = self.dropout(functional.leaky_relu(self.conv2(h), 0.3))  # [N, 128, H/4, W/4]
        return h.flatten(1)

    def logit(self, features: Tensor, labels: Tensor) -> Tensor:
        logits: Tensor = self.dense(features)
        return logits.squeeze(1)


@models.register("dcgan")
def dcgan(spec: ModelSpec) -> Players:
    """TensorFlow's DCGAN tutorial: unconditional, 5x5 convolutions."""
    return Players(DCGANGenerator(spec), DCGANDiscriminator(spec))
