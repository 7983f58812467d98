"""Updates of parameters: optimiser steps and target network updates."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import torch as th
from torch import nn
from torch.optim import Adam, Optimizer

Update = Callable[[Optimizer, list[th.Tensor], list[th.Tensor]], None]
"""Makes an optimiser step: (optimizer, parameters, gradients) -> None."""


class Minimise(Protocol):
    """Makes an optimiser step on the gradient of a loss.

    A gradient with a norm above ``max_norm`` is scaled down to that norm. Returns the 2-norm of the gradient before clipping, a scalar.
    """

    def __call__(self, loss: th.Tensor, optimizer: Optimizer, max_norm: float | None = None) -> th.Tensor: ...


def optimizer_update(optimizer: Optimizer, parameters: list[th.Tensor], gradients: list[th.Tensor]) -> None:
    """Makes an optimiser step by calling the optimiser's own ``step``."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def minimise(loss: th.Tensor, optimizer: Optimizer, max_norm: float | None = None, *, update: Update = optimizer_update) -> th.Tensor:
    """See ``Minimise``. Only the optimiser's own parameters get a gradient: an actor's loss does not change the critic's gradients."""
    learned = [parameter for group in optimizer.param_groups for parameter in group["params"] if parameter.requires_grad]
    found = th.autograd.grad(loss, learned, allow_unused=True)
    parameters = [parameter for parameter, gradient in zip(learned, found, strict=True) if gradient is not None]
    gradients = [gradient for gradient in found if gradient is not None]
    norm = nn.utils.get_total_norm(gradients, foreach=False)
    if max_norm is not None:
        scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(scale)
    update(optimizer, parameters, gradients)
    return norm


def polyak(online: Iterable[th.Tensor], target: Iterable[th.Tensor], tau: float | th.Tensor) -> None:
    """Polyak averaging: sets target to (1 - tau) target + tau online, bit for bit as SB3 does."""
    with th.no_grad():
        for new, old in zip(online, target, strict=True):
            old.mul_(1 - tau)
            if isinstance(tau, th.Tensor):
                old.add_(new * tau)
            else:
                old.add_(new, alpha=tau)


@dataclass(frozen=True)
class AdamSettings:
    """Settings of an Adam optimiser on which ``AdamUpdate`` depends, except for the learning rate."""

    betas: tuple[float, float]
    eps: float
    weight_decay: float

    @classmethod
    def of(cls, optimizer: Optimizer) -> Self | None:
        """The settings of a plain ``torch.optim.Adam``; None for other optimisers and for variants that ``AdamUpdate`` does not support."""
        group = optimizer.param_groups[0]
        is_plain = type(optimizer) is Adam and len(optimizer.param_groups) == 1 and not (group["amsgrad"] or group["maximize"])
        return cls(tuple(group["betas"]), group["eps"], group["weight_decay"]) if is_plain else None


class AdamUpdate:
    """Adam (Kingma & Ba 2015, algorithm 1) on the states of ``torch.optim.Adam``, as operations on tensors only.

    PyTorch's ``step`` reads the number of steps as a Python number, which can't be traced. Here, everything that depends on
    that number is in a tensor, which ``prepare`` fills before each step.

    :param optimizers: plain Adam optimisers, for which ``AdamSettings.of`` is not None
    """

    def __init__(self, optimizers: list[Optimizer]):
        for optimizer in optimizers:
            fill_state(optimizer)
        self._optimizers = optimizers
        self._steps = [next(iter(optimizer.state.values()))["step"] for optimizer in optimizers]
        self._factors = np.zeros((len(optimizers), 2), dtype=np.float32)
        self._tensors = {id(optimizer): th.from_numpy(factors) for optimizer, factors in zip(optimizers, self._factors, strict=True)}

    def prepare(self) -> None:
        for factors, optimizer, step in zip(self._factors, self._optimizers, self._steps, strict=True):
            group, n = optimizer.param_groups[0], step.item() + 1
            beta1, beta2 = group["betas"]
            factors[0] = group["lr"] / (1 - beta1**n)
            factors[1] = (1 - beta2**n) ** 0.5

    def __call__(self, optimizer: Optimizer, parameters: list[th.Tensor], gradients: list[th.Tensor]) -> None:
        group = optimizer.param_groups[0]
        beta1, beta2 = group["betas"]
        size, correction = self._tensors[id(optimizer)]
        with th.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                state: dict[str, Any] = optimizer.state[parameter]
                slope = gradient + group["weight_decay"] * parameter if group["weight_decay"] else gradient
                mean = state["exp_avg"].lerp_(slope, 1 - beta1)
                square = state["exp_avg_sq"].mul_(beta2).addcmul_(slope, slope, value=1 - beta2)
                parameter.sub_(size * mean / (square.sqrt() / correction + group["eps"]))
                state["step"].add_(1)


def fill_state(optimizer: Optimizer) -> None:
    """Creates the state of an Adam optimiser that has not made a step, as its first step would."""
    for parameter in optimizer.param_groups[0]["params"]:
        if not optimizer.state[parameter]:
            zeros = {name: th.zeros_like(parameter.detach()) for name in ("exp_avg", "exp_avg_sq")}
            optimizer.state[parameter] = {"step": th.tensor(0.0), **zeros}
