"""Optimisers and the schedule of their learning rates."""

import math
from collections.abc import Mapping

from torch import nn
from torch.optim import Adam

from ca2_gan.training.config import Config, OptimiserConfig


def make_optimisers(players: Mapping[str, nn.Module], config: Config) -> dict[str, Adam]:
    """Adam for every player, each with its own learning rate (TTUR, Heusel et al. 2017)."""
    betas = (config.optimiser.beta1, config.optimiser.beta2)
    return {name: Adam(player.parameters(), lr=base_rate(name, config), betas=betas, fused=True) for name, player in players.items()}


def base_rate(player: str, config: Config) -> float:
    """A player's learning rate at the start: the game's option ``lr_PLAYER``, else ``lr_g`` or, for all but the generator, ``lr_d``."""
    usual = config.optimiser.lr_g if player == "generator" else config.optimiser.lr_d
    return float(getattr(config.game, f"lr_{player}", usual))


def rate_factor(optimiser: OptimiserConfig, progress: float) -> float:
    """Factor on the learning rates: 1 at the start; at the end ``final_lr``, or 1 with a constant schedule.

    :param progress: share of the budget that is spent, from 0 on
    """
    match optimiser.schedule:
        case "linear":
            share = 1 - min(progress, 1.0)
        case "cosine":
            share = (1 + math.cos(math.pi * min(progress, 1.0))) / 2
        case _:
            return 1.0
    return optimiser.final_lr + (1 - optimiser.final_lr) * share


def set_rates(optimisers: Mapping[str, Adam], config: Config, progress: float) -> None:
    """Sets every learning rate to its value at a share of the budget."""
    factor = rate_factor(config.optimiser, progress)
    for name, optimiser in optimisers.items():
        optimiser.param_groups[0]["lr"] = base_rate(name, config) * factor
