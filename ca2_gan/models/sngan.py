"""SN-GAN with a projection discriminator (Miyato et al. 2018; Miyato & Koyama 2018), the standard CNN made narrower."""

import itertools

from torch import Tensor, nn

from ca2_gan.models.blocks import ConditionalBatchNorm2d, initialise_as_radford, leaky_tanh
from ca2_gan.models.players import Discriminator, Generator, ModelSpec, Players
from ca2_gan.registry import models
from ca2_gan.spectral_norm import normalise_spectrally


class SNGANGenerator(Generator):
    """Dense, then 4x4 transposed convolutions with class-conditional BatchNorm: [N, noise_dim], [N] -> [N, C, H, W].

    :param width: channels of the feature map before the image; twice as many before each doubling
    """

    def __init__(self, spec: ModelSpec, width: int):
        super().__init__()
        channels = width << spec.doublings
        self.start = (channels, *spec.base_sides)
        self.dense = nn.Linear(spec.noise_dim, channels * spec.base_sides[0] * spec.base_sides[1])
        widths = [width << i for i in reversed(range(spec.doublings + 1))]
        self.ups = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False) for a, b in itertools.pairwise(widths))
        self.to_image = nn.Conv2d(width, spec.image_shape[0], 3, padding=1)
        self.apply(initialise_as_radford)
        self.norms = nn.ModuleList(ConditionalBatchNorm2d(w, spec.num_classes) for w in widths)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        h = self.dense(noise).unflatten(1, self.start)
        for up, norm in zip(self.ups, self.norms, strict=False):
            h = up(norm(h, labels).relu())  # [N, half the channels, twice the sides]
        images: Tensor = self.to_image(self.norms[-1](h, labels).relu())
        return leaky_tanh(images)


class ProjectionDiscriminator(Discriminator):
    """A discriminator with the logit h w + <e_y, h> of its features h; without an ``embedding``, it ignores labels."""

    features_know_labels = False
    embedding: nn.Embedding | None

    def logit(self, features: Tensor, labels: Tensor) -> Tensor:
        logits = super().logit(features, labels)
        return logits if self.embedding is None else logits + (self.embedding(labels) * features).sum(dim=1)


class SNGANDiscriminator(ProjectionDiscriminator):
    """Convolutions, and the sum over the pixels: [N, C, H, W], [N] -> [N].

    :param width: channels of the first feature map; twice as many after each halving
    """

    def __init__(self, spec: ModelSpec, width: int):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(spec.image_shape[0], width, 3, padding=1), nn.LeakyReLU(0.1)]
        channels = width
        for _ in range(spec.doublings):
            layers += [nn.Conv2d(channels, 2 * channels, 4, 2, 1), nn.LeakyReLU(0.1)]
            channels *= 2
        layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.LeakyReLU(0.1)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(channels, 1)
        self.embedding = nn.Embedding(spec.num_classes, channels)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)

    def features(self, images: Tensor, labels: Tensor) -> Tensor:
        return super().features(images, labels).sum(dim=(2, 3))


@models.register("sngan")
def sngan(spec: ModelSpec, width: int = 32) -> Players:
    """SN-GAN: spectral norm, projection, class-conditional BatchNorm (Miyato et al. 2018; Miyato & Koyama 2018).

    :param width: channels of the largest feature map
    """
    discriminator = SNGANDiscriminator(spec, width)
    normalise_spectrally(discriminator)
    return Players(SNGANGenerator(spec, width), discriminator, is_conditional=True)
