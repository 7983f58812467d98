"""Loads the weights of a file into a network, after checking that they fit."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


def load_weights(network: nn.Module, weights: Mapping[str, Any]) -> None:
    """``load_state_dict`` that also refuses NaN and infinite numbers.

    :param weights: tensors by name, as read from a file
    :raises ValueError: if a tensor is missing, unknown, or does not fit; the message names it
    """
    own = network.state_dict()
    for name in [*own, *weights]:
        if name not in weights:
            raise ValueError(f"{name} is missing")
        if name not in own:
            raise ValueError(f"{name} is not a weight of the model")
        check_tensor(name, weights[name], own[name])
    network.load_state_dict(weights)


def check_tensor(name: str, value: Any, like: Tensor) -> None:
    """Checks that a value from a file can replace a tensor.

    :raises ValueError: if it is not a tensor, has another shape or kind of number, or a NaN or infinite number
    """
    if not isinstance(value, Tensor) or value.shape != like.shape:
        found = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{name} is {found}, not {list(like.shape)}")
    if value.is_floating_point() != like.is_floating_point():
        raise ValueError(f"{name} is {value.dtype}, not {like.dtype}")
    if not value.to(like.dtype).isfinite().all():
        raise ValueError(f"{name} is not finite")
