"""The DCGAN of Radford et al. (2015) for any image size."""

from torch import Tensor, nn

from ca2_gan.models.blocks import initialise_as_keras, initialise_as_radford
from ca2_gan.models.players import Discriminator, Generator, ModelSpec, Players
from ca2_gan.registry import models


class RadfordGenerator(Generator):
    """4x4 transposed convolutions that double the sides, with BatchNorm and ReLU: [N, noise_dim], [N] -> [N, C, H, W].

    :param width: channels of the feature map before the image; twice as many before each doubling
    :param conditional: whether the one-hot label is appended to the noise
    """

    def __init__(self, spec: ModelSpec, width: int, conditional: bool = False):
        super().__init__()
        self.num_classes = spec.num_classes if conditional else 0
        channels = width << (spec.doublings - 1)
        layers: list[nn.Module] = [
            nn.Unflatten(1, (-1, 1, 1)),
            nn.ConvTranspose2d(spec.noise_dim + self.num_classes, channels, spec.base_sides, bias=False),
        ]
        for _ in range(spec.doublings - 1):
            layers += [nn.BatchNorm2d(channels), nn.ReLU()]
            layers += [nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1, bias=False)]
            channels //= 2
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        layers += [nn.ConvTranspose2d(channels, spec.image_shape[0], 4, 2, 1, bias=False)]
        self.layers = nn.Sequential(*layers)
        self.apply(initialise_as_radford)


class RadfordDiscriminator(Discriminator):
    """4x4 convolutions of stride 2, with BatchNorm and LeakyReLU(.2): [N, C, H, W], [N] -> [N].

    :param width: channels of the first feature map; twice as many after each halving
    :param auxiliary: whether there is an auxiliary classifier on the features
    """

    def __init__(self, spec: ModelSpec, width: int, auxiliary: bool = False):
        super().__init__()
        channels = width
        layers: list[nn.Module] = [nn.Conv2d(spec.image_shape[0], channels, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        for _ in range(spec.doublings - 1):
            layers += [nn.Conv2d(channels, 2 * channels, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * channels), nn.LeakyReLU(0.2)]
            channels *= 2
        self.layers = nn.Sequential(*layers, nn.Flatten())
        # The paper's last convolution covers the whole feature map, so it is a dense layer
        size = channels * spec.base_sides[0] * spec.base_sides[1]
        self.head = nn.Linear(size, 1, bias=False)
        self.auxiliary = nn.Linear(size, spec.num_classes) if auxiliary else None
        self.apply(initialise_as_radford)

    def classify(self, features: Tensor) -> Tensor | None:
        return None if self.auxiliary is None else self.auxiliary(features)


@models.register("dcgan_radford")
def dcgan_radford(spec: ModelSpec, width: int = 64, glorot: bool = False) -> Players:
    """The DCGAN of Radford et al. (2015): unconditional, the baseline.

    :param width: channels of the largest feature map
    :param glorot: whether weights start Glorot-uniform, as in ``dcgan``, rather than N(0, .02)
    """
    generator, discriminator = RadfordGenerator(spec, width), RadfordDiscriminator(spec, width)
    if glorot:
        generator.apply(initialise_as_keras)
        discriminator.apply(initialise_as_keras)
    return Players(generator, discriminator)
