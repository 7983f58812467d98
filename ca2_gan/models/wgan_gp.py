"""WGAN-GP (Gulrajani et al. 2017): DCGAN's generator against a critic without BatchNorm."""

from torch import nn

from ca2_gan.models.players import Discriminator, ModelSpec, Players
from ca2_gan.models.radford import RadfordGenerator
from ca2_gan.registry import models


class Critic(Discriminator):
    """4x4 convolutions of stride 2 with LeakyReLU(.2): [N, C, H, W], [N] -> [N].

    No BatchNorm: the penalty is on the gradient of each image's own logit, which would depend on the other images with BatchNorm.

    :param width: channels of the first feature map; twice as many after each halving
    """

    def __init__(self, spec: ModelSpec, width: int):
        super().__init__()
        channels, layers = spec.image_shape[0], list[nn.Module]()
        for i in range(spec.doublings):
            layers += [nn.Conv2d(channels, width << i, 4, 2, 1), nn.LeakyReLU(0.2)]
            channels = width << i
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(channels * spec.base_sides[0] * spec.base_sides[1], 1)


@models.register("wgan_gp")
def wgan_gp(spec: ModelSpec, width: int = 64) -> Players:
    """WGAN-GP (Gulrajani et al. 2017): unconditional, a critic without BatchNorm.

    :param width: channels of the largest feature map
    """
    return Players(RadfordGenerator(spec, width), Critic(spec, width))
