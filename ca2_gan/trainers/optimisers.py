"""Optimisers and the course of their learning rates."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Adam

from ca2_gan.trainers.settings import Settings


def make_optimisers(players: Mapping[str, nn.Module], settings: Settings) -> dict[str, Adam]:
    """Adam for every player, each with its own learning rate (TTUR, Heusel et al. 2017)."""
    rates = base_rates(settings)
    betas = (settings.beta1, settings.beta2)
    return {name: Adam(player.parameters(), lr=rates[name], betas=betas, fused=True) for name, player in players.items()}


def base_rates(settings: Settings) -> dict[str, float]:
    """Learning rate of each player at the start."""
    return {"generator": settings.lr_g, "discriminator": settings.lr_d, "classifier": settings.lr_c}


def rate_factor(settings: Settings, images: int) -> float:
    """What the learning rates are multiplied by after so many images: 1 at the start, ``final_lr`` at ``max_images``."""
    progress = min(images / settings.max_images, 1.0)
    match settings.schedule:
        case "linear":
            share = 1 - progress
        case "cosine":
            share = (1 + math.cos(math.pi * progress)) / 2
        case _:
            return 1.0
    return settings.final_lr + (1 - settings.final_lr) * share


def set_rates(optimisers: Mapping[str, Adam], settings: Settings, images: int) -> None:
    """Sets every learning rate to what it is after so many images."""
    factor = rate_factor(settings, images)
    for name, rate in base_rates(settings).items():
        if name in optimisers:
            optimisers[name].param_groups[0]["lr"] = rate * factor


def clip(parameters: list[Tensor], largest: float) -> None:
    """Scales the gradients down together where their norm is above ``largest``; 0 for no limit."""
    if largest:
        torch.nn.utils.clip_grad_norm_(parameters, largest)
