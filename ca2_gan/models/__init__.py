"""Builders of the zoo's networks, one file per family; importing this registers them all."""

from ca2_gan.models import acgan, dcgan, letters_gan, r3gan, radford, residual, sngan, wgan_gp

__all__ = ["acgan", "dcgan", "letters_gan", "r3gan", "radford", "residual", "sngan", "wgan_gp"]
