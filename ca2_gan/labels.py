"""Class names and numbers as a user gives them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca2_core.errors import UserError, did_you_mean

Labels = str | int | Sequence[int | str] | Tensor | NDArray[Any]


def class_numbers(labels: Labels, class_names: Sequence[str]) -> Tensor:
    """Numbers of classes, int64 [n].

    :param labels: ``"QUARTZ"``, ``"T-shirt,Bag"``, one class name or number, or a list of them; case
        matters only where both cases are classes
    :param class_names: names of the K classes
    :raises UserError: if a name or number is not a class, or a text is empty
    """
    known = {name: number for number, name in reversed(list(enumerate(class_names)))}
    known = {name.lower(): number for name, number in known.items()} | {name.upper(): number for name, number in known.items()} | known
    if isinstance(labels, str):
        labels = [labels] if labels in known else labels.split(",") if "," in labels else list(labels)
        if not labels:
            raise UserError(f"no class is named. There are {', '.join(class_names)}.")
    if isinstance(labels, int | np.integer):
        labels = [int(labels)] if not isinstance(labels, bool) else torch.tensor(labels)
    if not isinstance(labels, Tensor):
        if not isinstance(labels, Iterable):
            raise UserError(f"labels: {labels!r}: names or numbers of classes are needed. There are {', '.join(class_names)}.")
        labels = list(labels)
        wrong = next((label for label in labels if isinstance(label, str) and label not in known), None)
        if wrong is not None:
            raise UserError(f"no class {wrong!r} in this model.{did_you_mean(wrong, class_names)} It has {', '.join(class_names)}.")
        labels = [known[label] if isinstance(label, str) else label for label in labels]
        odd = next((label for label in labels if isinstance(label, bool) or not isinstance(label, int | np.integer | Tensor)), None)
        if odd is not None:
            raise UserError(f"labels: {odd!r} is not a class. Give names, or numbers from 0 to {len(class_names) - 1}.")
    numbers = torch.as_tensor(labels)
    if numbers.numel() and (numbers.is_floating_point() or numbers.dtype == torch.bool):
        raise UserError(f"labels: {numbers.dtype}: whole numbers are needed, from 0 to {len(class_names) - 1}.")
    numbers = numbers.to(torch.int64)
    if numbers.numel() and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(class_names):
        raise UserError(f"labels go from {int(numbers.min())} to {int(numbers.max())}; this model's from 0 to {len(class_names) - 1}.")
    return numbers
