"""Converts the constructor arguments of an algorithm to and from JSON."""

import inspect
from importlib import import_module
from typing import Any

import numpy as np
import torch as th
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import DictReplayBuffer, DictRolloutBuffer, NStepReplayBuffer, ReplayBuffer, RolloutBuffer
from stable_baselines3.common.noise import VectorizedActionNoise
from stable_baselines3.common.type_aliases import TrainFreq
from stable_baselines3.her import HerReplayBuffer
from torch import nn

from ca2_core.errors import UserError
from ca2_rl.common.activations import NAMES
from ca2_rl.common.ou_noise import OUNoise
from ca2_rl.common.prioritized_replay import BUFFERS

# Arguments whose attribute has another name
RENAMED = {"policy": "policy_class", "stats_window_size": "_stats_window_size"}
# Buffer classes that algorithms choose if the argument is None
CHOSEN = (RolloutBuffer, DictRolloutBuffer, ReplayBuffer, DictReplayBuffer, NStepReplayBuffer, *BUFFERS.values())
# Class name -> its module, and the attribute of each constructor argument
OBJECTS: dict[str, tuple[str, dict[str, str]]] = {
    "LinearSchedule": ("stable_baselines3.common.utils", {"start": "start", "end": "end", "end_fraction": "end_fraction"}),
    "ConstantSchedule": ("stable_baselines3.common.utils", {"val": "val"}),
    "FloatSchedule": ("stable_baselines3.common.utils", {"value_schedule": "value_schedule"}),
    "SimpleLinearSchedule": ("rl_zoo3.utils", {"initial_value": "initial_value"}),
    "NormalActionNoise": ("stable_baselines3.common.noise", {"mean": "_mu", "sigma": "_sigma"}),
    "OrnsteinUhlenbeckActionNoise": (
        "stable_baselines3.common.noise",
        {"mean": "_mu", "sigma": "_sigma", "theta": "_theta", "dt": "_dt"},
    ),
}


class _UnsavedError(Exception):
    """A value that JSON can't hold."""


def arguments_of(model: BaseAlgorithm) -> dict[str, Any]:
    """The constructor arguments of a model without the env, by name: ``{"value": ...}``, or ``{"unsaved": CLASS}`` if it can't be saved."""
    arguments = {}
    for name, parameter in inspect.signature(type(model)).parameters.items():
        if name in ("env", "_init_setup_model") or parameter.annotation is None:  # a parent's argument that this class does not accept
            continue
        value = getattr(model, RENAMED.get(name, name), None)
        if name == "policy":
            value = next((alias for alias, policy in model.policy_aliases.items() if policy is value), value)
        try:
            arguments[name] = {"value": _encode(value)}
        except _UnsavedError as error:
            arguments[name] = {"unsaved": str(error)}
    return arguments


def constructor_arguments(saved: dict[str, Any], changes: dict[str, Any], origin: str) -> dict[str, Any]:
    """The keyword arguments for an algorithm's constructor.

    :param saved: from ``arguments_of``
    :param changes: arguments that replace saved ones
    :param origin: where the state is from, for messages
    :raises UserError: if an argument could not be saved and is not in ``changes``
    """
    for name, entry in saved.items():
        if "unsaved" in entry and name not in changes:
            raise UserError(f"{origin}: {name} could not be saved (it contains {entry['unsaved']}). Give it: load_state(..., {name}=...).")
    return {name: _decode(entry["value"]) for name, entry in saved.items() if name not in changes} | changes


def _encode(value: Any) -> Any:
    if isinstance(value, VectorizedActionNoise):
        value = value.base_noise
    if isinstance(value, OUNoise) or value in CHOSEN:
        return None
    if isinstance(value, TrainFreq):
        return value.frequency, value.unit.value
    if isinstance(value, th.device):
        return str(value)
    if value is HerReplayBuffer:
        return {"$buffer": value.__name__}
    if isinstance(value, type) and value in [getattr(nn, name) for name in NAMES]:
        return {"$activation": value.__name__}
    if (known := OBJECTS.get(type(value).__name__)) and type(value).__module__ == known[0]:
        return {"$object": type(value).__name__, **{name: _encode(getattr(value, attribute)) for name, attribute in known[1].items()}}
    if isinstance(value, dict):
        return {str(name): _encode(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_encode(item) for item in value)
    if value is None or isinstance(value, (bool, int, float, str, np.generic, np.ndarray)):
        return value
    raise _UnsavedError(getattr(value, "__name__", type(value).__name__))


def _decode(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "$activation" in value:
        return getattr(nn, value["$activation"]) if value["$activation"] in NAMES else None
    if value.get("$buffer") == HerReplayBuffer.__name__:
        return HerReplayBuffer
    if value.get("$object") in OBJECTS:
        module, names = OBJECTS[value["$object"]]
        return getattr(import_module(module), value["$object"])(**{name: _decode(value[name]) for name in names})
    return {name: _decode(item) for name, item in value.items()}
