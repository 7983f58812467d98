"""AC-GAN (Odena et al. 2017): the discriminator also names the class."""

from ca2_gan.models.players import ModelSpec, Players
from ca2_gan.models.radford import RadfordDiscriminator, RadfordGenerator
from ca2_gan.registry import models


@models.register("acgan")
def acgan(spec: ModelSpec, width: int = 64) -> Players:
    """AC-GAN (Odena et al. 2017): DCGAN with an auxiliary classifier in the discriminator.

    :param width: channels of the largest feature map
    """
    generator, discriminator = RadfordGenerator(spec, width, conditional=True), RadfordDiscriminator(spec, width, auxiliary=True)
    return Players(generator, discriminator, is_conditional=True)
