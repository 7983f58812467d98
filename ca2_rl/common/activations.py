"""Activations by name, so that a YAML file can have one without code in it."""

from typing import Any

from stable_baselines3.common.policies import BasePolicy
from torch import nn

from ca2_core.errors import UserError, did_you_mean

# Those that act on each number by itself and need no argument
NAMES = ("CELU", "ELU", "GELU", "LeakyReLU", "Mish", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softsign", "Tanh")


def activation(given: str | type[nn.Module], option: str = "activation_fn") -> type[nn.Module]:
    """A class as it is; for a name, the activation of this name in ``torch.nn``.

    :param option: whose value it is, for the error
    :raises UserError: if it is none of ``NAMES``
    """
    if callable(given):
        return given
    name = str(given)
    if name not in NAMES:
        raise UserError(f"{option}: no activation {name!r}.{did_you_mean(name, NAMES)} There are {', '.join(NAMES)}.")
    found: type[nn.Module] = getattr(nn, name)
    return found


class NamesActivation(BasePolicy):
    """Takes ``activation_fn`` as a class, as SB3 does, or as its name."""

    def __init__(self, *args: Any, **kwargs: Any):
        kwargs["activation_fn"] = activation(kwargs.get("activation_fn", nn.ReLU))
        super().__init__(*args, **kwargs)
