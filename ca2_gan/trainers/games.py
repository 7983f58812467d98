"""The games; importing this registers them all."""

from ca2_gan.trainers.adversarial import Adversarial
from ca2_gan.trainers.game import Batch, Game, Loss, Rules
from ca2_gan.trainers.triple import Triple

__all__ = ["Adversarial", "Batch", "Game", "Loss", "Rules", "Triple"]
