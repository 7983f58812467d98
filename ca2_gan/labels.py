"""Classes as a user names them."""

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ca2_core.errors import UserError, did_you_mean

Labels = str | Sequence[int | str] | Tensor | NDArray[Any]


def class_numbers(labels: Labels, class_names: Sequence[str]) -> Tensor:
    """Numbers of classes, int64 [n].

    :param labels: ``"QUARTZ"``, ``"T-shirt,Bag"``, one class name, or a list of class names and numbers; upper and lower case are
        told apart only where both are classes
    :param class_names: of the K classes
    :raises UserError: if a name or number is no class
    """
    if isinstance(labels, str):
        names = _known(class_names)
        labels = [labels] if labels in names else labels.split(",") if "," in labels else list(labels)
        if not labels:
            raise UserError(f"no class is named. There are {', '.join(class_names)}.")
    if not isinstance(labels, Tensor) and any(isinstance(label, str) for label in labels):
        labels = [_number(label, class_names) if isinstance(label, str) else label for label in labels]
    numbers = torch.as_tensor(labels, dtype=torch.int64)
    if numbers.numel() and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(class_names):
        raise UserError(f"labels go from {int(numbers.min())} to {int(numbers.max())}; this model's from 0 to {len(class_names) - 1}.")
    return numbers


def _known(class_names: Sequence[str]) -> dict[str, int]:
    exact = {name: i for i, name in reversed(list(enumerate(class_names)))}
    return {name.lower(): i for name, i in exact.items()} | {name.upper(): i for name, i in exact.items()} | exact


def _number(name: str, class_names: Sequence[str]) -> int:
    numbers = _known(class_names)
    if name not in numbers:
        raise UserError(f"no class {name!r} in this model.{did_you_mean(name, class_names)} It has {', '.join(class_names)}.")
    return numbers[name]
