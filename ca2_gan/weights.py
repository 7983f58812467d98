"""Weights of a file into a network: only what fits it."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


def load_weights(network: nn.Module, weights: Mapping[str, Any]) -> None:
    """``load_state_dict`` that takes nothing but finite numbers, in the shapes that the network has, and all of them.

    :param weights: of a file
    :raises ValueError: what doesn't fit
    """
    own = network.state_dict()
    for name in [*own, *weights]:
        if name not in weights:
            raise ValueError(f"{name} is missing")
        if name not in own:
            raise ValueError(f"{name} is no weight of the model")
        check_tensor(name, weights[name], own[name])
    network.load_state_dict(weights)


def check_tensor(name: str, value: Any, like: Tensor) -> None:
    """Whether a file's value can take the place of a tensor.

    :raises ValueError: if it is none, of another shape or kind of number, or has a NaN or infinite one
    """
    if not isinstance(value, Tensor) or value.shape != like.shape:
        found = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{name} is {found}, not {list(like.shape)}")
    if value.is_floating_point() != like.is_floating_point():
        raise ValueError(f"{name} is {value.dtype}, not {like.dtype}")
    if not value.to(like.dtype).isfinite().all():
        raise ValueError(f"{name} is not finite")
