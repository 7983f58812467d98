"""Activations by name, so that a YAML file can choose one without containing code."""

from typing import Any

from stable_baselines3.common.policies import BasePolicy
from torch import nn

from ca2_core.errors import UserError, did_you_mean

# Elementwise activations without required arguments
NAMES = ("CELU", "ELU", "GELU", "LeakyReLU", "Mish", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softsign", "Tanh")


def activation(given: str | type[nn.Module], option: str = "activation_fn") -> type[nn.Module]:
    """The activation class for a name in ``torch.nn``; a class is returned unchanged.

    :param option: option that has this value, for the message
    :raises UserError: if the name is not in ``NAMES``
    """
    if callable(given):
        return given
    name = str(given)
    if name not in NAMES:
        raise UserError(f"{option}: no activation {name!r}.{did_you_mean(name, NAMES)} There are {', '.join(NAMES)}.")
    found: type[nn.Module] = getattr(nn, name)
    return found


class NamesActivation(BasePolicy):
    """Policy whose ``activation_fn`` may be a class, as in SB3, or a name."""

    def __init__(self, *args: Any, **kwargs: Any):
        kwargs["activation_fn"] = activation(kwargs.get("activation_fn", nn.ReLU))
        super().__init__(*args, **kwargs)
