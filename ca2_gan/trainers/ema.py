"""The averaged generator: what is sampled and saved."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a network's parameters, its half-life counted in images; buffers are copied.

    Averaging the buffers would break spectral norm (its vectors have to stay unit vectors) and gain nothing for BatchNorm.

    :param network: what is averaged
    :param half_life: in images; 0 for no averaging: ``network`` is then the network itself
    """

    def __init__(self, network: nn.Module, half_life: int):
        self.half_life = half_life
        self.source = network
        self.network = copy.deepcopy(network).eval().requires_grad_(False) if half_life else network
        self._averaged: list[Tensor] = list(self.network.parameters())
        self._current: list[Tensor] = list(network.parameters())
        self._buffers, self._current_buffers = list(self.network.buffers()), list(network.buffers())

    @torch.no_grad()
    def update(self, batch: int, seen: int) -> None:
        """One step.

        :param batch: images of this step
        :param seen: images so far, this step's included; early on the half-life is a twentieth of them
        """
        if not self.half_life:
            return
        beta = 0.5 ** (batch / max(min(self.half_life, 0.05 * seen), 1e-8))
        torch._foreach_lerp_(self._averaged, self._current, 1 - beta)
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._current_buffers)
