"""Checks a hyperparameter file before anything is built from it, so that a slip costs one line and not a traceback."""

import inspect
import math
import re
import runpy
import types
import typing
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from rl_zoo3.utils import get_class_by_name
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from ca2_core.errors import UserError, did_you_mean

# What rl_zoo3.exp_manager takes out before the constructor sees the rest
ZOO_KEYS = {
    "callback": object,
    "env_kwargs": dict,
    "env_wrapper": object,
    "frame_stack": int,
    "monitor_kwargs": dict | str,
    "n_envs": int,
    "n_timesteps": float,
    "noise_std": float,
    "noise_type": str,
    "normalize": bool | str | dict,
    "policy": str,
    "vec_env_wrapper": object,
}
# What rl_zoo3.exp_manager makes a schedule of
SCHEDULES = ("learning_rate", "clip_range", "clip_range_vf", "delta_std")
# Least and greatest value of what SB3 takes as it comes, to fail or diverge much later
RANGES = {
    "batch_size": (1, math.inf),
    "buffer_size": (1, math.inf),
    "exploration_final_eps": (0, 1),
    "exploration_fraction": (0, 1),
    "exploration_initial_eps": (0, 1),
    "gae_lambda": (0, 1),
    "gamma": (0, 1),
    "learning_starts": (0, math.inf),
    "n_envs": (1, math.inf),
    "n_steps": (1, math.inf),
    "n_timesteps": (1, math.inf),
    "target_update_interval": (1, math.inf),
    "tau": (0, 1),
    "train_freq": (1, math.inf),
}
# What the command line decides, not the file
NOT_IN_FILE = {"self", "env", "seed", "device", "verbose", "tensorboard_log", "_init_setup_model"}


def check_file(path: str, env_id: str) -> str:
    """Checks that the file can be read and speaks of the env.

    :param path: a ``.yml`` or ``.py`` file, or a module
    :param env_id: the environment
    :return: name of the entry that applies
    :raises UserError: if the file is missing or malformed, or has neither the env nor ``default``
    """
    content = _read_yaml(path) if path.endswith((".yml", ".yaml")) else _run_python(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: a mapping from env ids to hyperparameters is needed, this is {describe(content)}.")
    entry = content.get(env_id, content.get("default"))
    if entry is None and "atari" not in content:
        known = [str(key) for key in content]
        raise UserError(f"{path}: nothing for {env_id} and no 'default'.{did_you_mean(env_id, known)} It has {', '.join(known)}.")
    if entry is not None and not isinstance(entry, dict):
        raise UserError(f"{path}: {env_id} needs 'name: value' pairs, this is {describe(entry)}.")
    return next(key for key in (env_id, "default", "atari") if key in content)


def _read_yaml(path: str) -> Any:
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: no such file. Give --conf-file the path of a .yml file in rl-zoo3's format.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}.") from error


def _run_python(path: str) -> Any:
    """``hyperparams`` of a ``.py`` file or of a module."""
    try:
        return runpy.run_path(path)["hyperparams"] if path.endswith(".py") else import_module(path).hyperparams
    except Exception as error:  # whatever the user's code raises
        reason = "no dict 'hyperparams' in it" if isinstance(error, (AttributeError, KeyError)) else error
        raise UserError(f"--conf-file {path}: neither a .yml file nor Python code with hyperparameters: {reason}.") from error


def check_values(
    hyperparams: Mapping[str, Any], algorithm: type[BaseAlgorithm], origin: str, from_command_line: Collection[str] = ()
) -> None:
    """Checks names and types against the zoo's keys and the constructor's annotations.

    :param hyperparams: as read from file and command line, before the zoo makes objects of them
    :param algorithm: the class they are for
    :param origin: the file and entry that they come from, for the message
    :param from_command_line: names of those that ``-params`` gave
    :raises UserError: for a missing or unknown name, or a value of another type
    """
    accepted = ZOO_KEYS | constructor_types(algorithm)
    for needed in ("policy", "n_timesteps"):
        if needed not in hyperparams:
            raise UserError(f"{origin}: {needed!r} is missing. See rl-zoo3's hyperparams/*.yml for the format.")
    for name, value in hyperparams.items():
        where = "-params" if name in from_command_line else origin
        if name not in accepted:
            raise UserError(f"{where}: {algorithm.__name__} has no hyperparameter {name!r}.{did_you_mean(name, accepted)}")
        check_value(name, value, accepted[name], where)
    policy = hyperparams["policy"]
    if "." not in policy and policy not in algorithm.policy_aliases:
        raise UserError(f"{origin}: no policy {policy!r}. {algorithm.__name__} has {', '.join(algorithm.policy_aliases)}.")


def check_value(name: str, value: Any, annotation: Any, origin: str) -> None:
    """Checks one value; see ``check_values``."""
    if isinstance(value, str):
        if name in SCHEDULES and re.fullmatch(r"lin_[0-9.eE+-]+", value):
            return
        if name in ("policy_kwargs", "replay_buffer_class", "replay_buffer_kwargs"):
            return  # the zoo evaluates these strings; ours are mappings
        if re.fullmatch(r"[+-]?\d+(e[+-]?\d+)", value, re.IGNORECASE):
            dotted = re.sub("(?=e)", ".0", value, flags=re.IGNORECASE)
            raise UserError(f"{origin}: {name}: YAML reads {value} as text. Write {dotted}.")
    if name in ("callback", "env_wrapper", "vec_env_wrapper"):
        check_importable(name, value, origin)
    if not fits(value, annotation):
        raise UserError(f"{origin}: {name}: {name_of(annotation)} is needed, this is {describe(value)}.")
    low, high = RANGES.get(name, (-math.inf, math.inf))
    if isinstance(value, (int, float)) and not low <= value <= high:
        bound = f"at least {low}" if high == math.inf else f"from {low} to {high}"
        raise UserError(f"{origin}: {name}={value}: it has to be {bound}.")
    if name == "policy_kwargs" and isinstance(value, dict) and "net_arch" in value:
        arch = value["net_arch"]
        parts = list(arch.values()) if isinstance(arch, dict) else [arch]  # one for the actor, one for the critic
        if not all(isinstance(part, list) and all(isinstance(width, int) and width > 0 for width in part) for part in parts):
            raise UserError(f"{origin}: net_arch: a list of the layers' widths is needed, this is {describe(arch)}.")


def check_importable(name: str, value: Any, origin: str) -> None:
    """Checks the classes that the zoo will import: a dotted name, a mapping from one to its arguments, or a list."""
    for item in value if isinstance(value, list) else [value]:
        for path in item if isinstance(item, dict) else [item]:
            if not isinstance(path, (str, type, BaseCallback, types.NoneType)):
                raise UserError(f"{origin}: {name}: the dotted name of a class is needed, this is {describe(path)}.")
            try:
                if isinstance(path, str):
                    get_class_by_name(path)
            except (ImportError, AttributeError, ValueError) as error:
                raise UserError(f"{origin}: {name}: {path!r} can't be imported: {error}.") from error


def constructor_types(algorithm: type[BaseAlgorithm]) -> dict[str, Any]:
    """Names and annotations that the constructor accepts, through ``**kwargs`` those of the next class in line too."""
    accepted: dict[str, Any] = {}
    for cls in algorithm.__mro__:
        if "__init__" not in vars(cls):
            continue
        parameters = inspect.signature(vars(cls)["__init__"]).parameters
        accepted = {name: parameter.annotation for name, parameter in parameters.items()} | accepted
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return {name: hint for name, hint in accepted.items() if name not in NOT_IN_FILE | {"args", "kwargs"}}


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value of a YAML file can be what the annotation says; True where that can't be told."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in typing.get_args(annotation))
    if origin is tuple:
        return isinstance(value, (list, tuple))  # YAML has no tuples
    plain = origin or annotation
    if plain in (int, float) and isinstance(value, bool):
        return False
    if plain is float:
        return isinstance(value, (int, float))
    if plain is Callable:
        return callable(value)
    return isinstance(value, plain) if isinstance(plain, type) else True


def name_of(annotation: Any) -> str:
    """An annotation in a user's words."""
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "text", dict: "a mapping", list: "a list"}
    options = typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, types.UnionType) else [annotation]
    named = [words[option] for option in (typing.get_origin(o) or o for o in options) if option in words]
    return " or ".join(named) or str(annotation)


def describe(value: Any) -> str:
    """A value of a YAML file in a user's words."""
    kinds = {str: "text", list: "a list", dict: "a mapping", bool: "true/false", int: "a number", float: "a number"}
    return "empty" if value is None else f"{kinds.get(type(value), type(value).__name__)}: {value!r}"
