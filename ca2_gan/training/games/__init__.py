"""The games, one file each; importing this package registers them all."""

from ca2_gan.training.game import Batch, Game, GameOptions, Loss
from ca2_gan.training.games.adversarial import Adversarial
from ca2_gan.training.games.triple import Triple

__all__ = ["Adversarial", "Batch", "Game", "GameOptions", "Loss", "Triple"]
