"""The files of a saved model: ``config.json``, what makes its networks again, and ``model.safetensors``, their weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor

from ca2_core.errors import UserError, did_you_mean
from ca2_core.files import whole_file

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"


SCALE = ".scale"  # after the name of a weight in int8: what each of its rows is multiplied by


def quantise(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of two and more axes as int8, each row with a scale of its own; the others as float16. ``read_weights`` undoes it."""
    found = {}
    for name, value in weights.items():
        if value.ndim < 2 or not value.is_floating_point():
            found[name] = value.half() if value.is_floating_point() else value
            continue
        rows = value.float().flatten(1)
        scale = rows.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / 127
        found[name] = (rows / scale[:, None]).round().to(torch.int8).view(value.shape)
        found[name + SCALE] = scale
    return found


def restore(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What ``quantise`` was given, but for its rounding; other weights stay.

    :raises ValueError: if a scale is missing or does not fit
    """
    found = {}
    for name, value in weights.items():
        if value.dtype != torch.int8:
            if not (name.endswith(SCALE) and name.removesuffix(SCALE) in weights):
                found[name] = value
            continue
        scale = weights.get(name + SCALE)
        if scale is None or scale.shape != value.shape[:1]:
            raise ValueError(f"{name} is int8, but {name + SCALE} has not a number for each of its {len(value)} rows")
        found[name] = value.float() * scale.float().view(-1, *[1] * (value.ndim - 1))
    return found


def write_model(folder: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Writes both files, each whole or not at all."""
    with whole_file(folder / CONFIG) as path:
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    with whole_file(folder / WEIGHTS) as path:
        path.write_bytes(serialise({name: value.contiguous() for name, value in weights.items()}))


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of a saved model by name.

    :raises UserError: if the file is missing or damaged
    """
    path = folder / WEIGHTS
    try:
        weights = restore(load_file(path))
    except FileNotFoundError:
        raise UserError(f"{folder}: no {WEIGHTS}: the model's weights are missing.") from None
    except Exception as error:  # whatever the bytes lead to
        raise UserError(f"{path}: damaged or cut off ({error}). Copy it again, or train again.") from error
    return weights


def read_config(folder: Path) -> dict[str, Any]:
    """What makes the model in a folder again: arguments of ``GAN``, each of the right type.

    :raises UserError: if there is no ``config.json``, or it is something else
    """
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: no {CONFIG}: neither a saved model nor a run of `ca2-gan train` that has saved one.") from None
    except (OSError, ValueError, RecursionError) as error:  # no file, no JSON, or no text
        raise UserError(f"{path}: not the configuration of a model: {error}.") from error
    if not isinstance(config, dict):
        raise UserError(f"{path}: not the configuration of a model: 'name: value' pairs are needed.")
    for name in dict.fromkeys([*config, "model", "num_classes", "image_shape"]):
        if name not in ENTRIES:
            raise UserError(f"{path}: not the configuration of a model: no entry is called {name!r}.{did_you_mean(name, ENTRIES)}")
        kind, items, right = ENTRIES[name]
        value: Any = config.get(name)
        if type(value) is not kind or (items and any(type(item) is not items for item in value)):
            raise UserError(f"{path}: not the configuration of a model: {name} has to be {right}, not {short(value)}.")
    return config


def read_card(folder: Path) -> str | None:
    """The model card in a folder, if there is one."""
    try:
        return (folder / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


# For each entry of config.json: its type, that of the items of a list, and what is right in words
ENTRIES: dict[str, tuple[Any, Any, str]] = {
    "model": (str, None, "a name"),
    "num_classes": (int, None, "a whole number"),
    "image_shape": (list, int, "channels, height and width"),
    "noise_dim": (int, None, "a whole number"),
    "class_names": (list, str, "a list of names"),
    "spectral_norm": (bool, None, "true or false"),
    "per_class": (bool, None, "true or false"),
    "options": (dict, None, "the model's options by name"),
}
