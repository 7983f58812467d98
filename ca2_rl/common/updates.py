"""What moves parameters: an optimiser down a gradient, or a target network after the one that learns.

All of it can be traced to a graph, but for ``optimizer_update``.
"""

from collections.abc import Callable
from operator import itemgetter

import numpy as np
import torch as th
from stable_baselines3.common.utils import get_parameters_by_name
from torch import nn
from torch.optim import Optimizer

Update = Callable[[Optimizer, list[th.Tensor], list[th.Tensor]], None]
"""What an optimiser does to parameters, given their gradients."""

adam_settings = itemgetter("betas", "eps", "weight_decay", "amsgrad", "maximize")


def optimizer_update(optimizer: Optimizer, parameters: list[th.Tensor], gradients: list[th.Tensor]) -> None:
    """The optimiser's own step, whichever it is."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


class AdamUpdate:
    """Adam (Kingma & Ba 2015, algorithm 1) on the states of ``torch.optim.Adam``.

    torch's own ``step`` reads the number of steps as a Python number, which can't be traced. Here everything that
    follows from it is in a tensor, filled by ``prepare`` before each step.
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
                state = optimizer.state[parameter]
                slope = gradient + group["weight_decay"] * parameter if group["weight_decay"] else gradient
                mean = state["exp_avg"].lerp_(slope, 1 - beta1)
                square = state["exp_avg_sq"].mul_(beta2).addcmul_(slope, slope, value=1 - beta2)
                parameter.sub_(size * mean / (square.sqrt() / correction + group["eps"]))
                state["step"].add_(1)


def minimise(loss: th.Tensor, optimizer: Optimizer, update: Update, max_norm: float | None = None) -> th.Tensor:
    """Moves the parameters of the optimiser down the gradient of the loss.

    :param loss: scalar
    :param optimizer: what the update needs of it: its parameters, settings and state
    :param update: ``optimizer_update`` or an ``AdamUpdate``
    :param max_norm: a gradient of a larger norm is scaled down to it
    :return: 2-norm of the gradient before that, a scalar
    """
    learned = [parameter for group in optimizer.param_groups for parameter in group["params"] if parameter.requires_grad]
    found = th.autograd.grad(loss, learned, allow_unused=True)
    parameters = [parameter for parameter, gradient in zip(learned, found, strict=True) if gradient is not None]
    gradients = [gradient for gradient in found if gradient is not None]
    norm = nn.utils.get_total_norm(gradients)
    if max_norm is not None:
        th._foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp(max=1.0))
    update(optimizer, parameters, gradients)
    return norm


class TargetUpdate:
    """target <- (1 - tau) target + tau online, for all parameters of a network; running statistics are copied (SB3 #996).

    :param online: the network that learns
    :param target: one of the same form
    """

    def __init__(self, online: nn.Module, target: nn.Module):
        self._online: list[th.Tensor] = list(online.parameters())
        self._target: list[th.Tensor] = list(target.parameters())
        self._statistics = [get_parameters_by_name(network, ["running_"]) for network in (online, target)]

    def __call__(self, tau: float | th.Tensor) -> None:
        with th.no_grad():
            # SB3's operations in SB3's order: the same to the last bit
            th._foreach_mul_(self._target, 1 - tau)
            if isinstance(tau, th.Tensor):
                th._foreach_add_(self._target, th._foreach_mul(self._online, tau))
            else:
                th._foreach_add_(self._target, self._online, alpha=tau)
            for online, target in zip(*self._statistics, strict=True):
                target.copy_(online)


def fill_state(optimizer: Optimizer) -> None:
    """The state of an Adam that has not made a step, as its first step makes it."""
    for parameter in optimizer.param_groups[0]["params"]:
        if not optimizer.state[parameter]:
            zeros = {name: th.zeros_like(parameter.detach()) for name in ("exp_avg", "exp_avg_sq")}
            optimizer.state[parameter] = {"step": th.tensor(0.0), **zeros}
