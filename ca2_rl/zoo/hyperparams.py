"""Checks a hyperparameter file before anything is built from it, so that a mistake prints one line instead of a traceback."""

import inspect
import re
import runpy
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import yaml
from rl_zoo3.utils import get_class_by_name
from sb3_contrib import QRDQN
from stable_baselines3 import DQN
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnvWrapper

from ca2_core.errors import UserError, did_you_mean
from ca2_core.modules import search
from ca2_core.settings import describe, name_of
from ca2_core.yaml_files import read_yaml
from ca2_rl.loading.expressions import parse
from ca2_rl.loading.names import PICKLED, SHORT
from ca2_rl.zoo.settings import MAX_EPISODE_STEPS, MOST_N_STEPS, NOISE_TYPES, SETTINGS, UNKNOWN, ZOO

# Settings in rl-zoo3's files whose strings are Python expressions
PARSED = {"monitor_kwargs", "normalize", "policy_kwargs", "replay_buffer_class", "replay_buffer_kwargs"}
# A wider layer would take gigabytes
WIDEST = 65_536
# Required base class of a dotted name
BASES = {"callback": BaseCallback, "env_wrapper": gym.Wrapper, "policy": BasePolicy, "vec_env_wrapper": VecEnvWrapper}
# Settings from which rl_zoo3.exp_manager makes schedules
SCHEDULES = ("learning_rate", "clip_range", "clip_range_vf", "delta_std")
# Arguments that the command line sets, not the file
NOT_IN_FILE = {"self", "args", "kwargs", "env", "seed", "device", "verbose", "tensorboard_log", "_init_setup_model"}


def check_file(path: str, env_id: str) -> str:
    """Checks that a hyperparameter file can be read and has an entry for the env. Returns the key of that entry.

    :param path: a ``.yml`` or ``.py`` file, or a module
    :param env_id: the environment
    :raises UserError: if the file is missing or malformed, or has neither the env nor ``default``
    """
    content = read_yaml(Path(path)) if path.endswith((".yml", ".yaml")) else _run_python(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: a mapping from env ids to hyperparameters is needed, this is {describe(content)}.")
    entry = content.get(env_id, content.get("default"))
    if entry is None and "atari" not in content:
        known = [str(key) for key in content]
        raise UserError(f"{path}: no entry for {env_id} and no 'default'.{did_you_mean(env_id, known)} It has {', '.join(known)}.")
    if entry is not None and not isinstance(entry, dict):
        raise UserError(f"{path}: {env_id} needs 'name: value' pairs, this is {describe(entry)}.")
    return env_id if env_id in content else "default"


def _run_python(path: str) -> Any:
    """The variable ``hyperparams`` of a ``.py`` file or a module."""
    search(Path.cwd())
    try:
        return runpy.run_path(path)["hyperparams"] if path.endswith(".py") else import_module(path).hyperparams
    except Exception as error:  # whatever the user's code raises
        reason = "it has no dict 'hyperparams'" if isinstance(error, (AttributeError, KeyError)) else error
        raise UserError(f"--conf-file {path}: neither a .yml file nor Python code with hyperparameters: {reason}.") from error


def check_values(
    hyperparams: Mapping[str, Any], algorithm: type[BaseAlgorithm], origin: str, from_command_line: Collection[str] = ()
) -> None:
    """Checks names, types and ranges against the table of settings and the constructor's annotations.

    :param hyperparams: as read from file and command line, before rl-zoo3 makes objects from them
    :param algorithm: class of the algorithm
    :param origin: file and entry of the hyperparameters, for the message
    :param from_command_line: names of the hyperparameters that ``-params`` gave
    :raises UserError: for a missing or unknown name, or a value of a wrong type or out of range
    """
    constructor = constructor_parameters(algorithm)
    for needed in ("policy", "n_timesteps"):
        if needed not in hyperparams:
            raise UserError(f"{origin}: {needed!r} is missing. See rl-zoo3's hyperparams/*.yml for the format.")
    for name, value in hyperparams.items():
        where = "-params" if name in from_command_line else origin
        if name not in ZOO and name not in constructor:
            raise UserError(f"{where}: {algorithm.__name__} has no hyperparameter {name!r}.{did_you_mean(name, [*ZOO, *constructor])}")
        check_value(name, value, constructor[name].annotation if name in constructor else None, where)
    _check_together(hyperparams, algorithm, lambda name: "-params" if name in from_command_line else origin)


def check_value(name: str, value: Any, annotation: Any, origin: str) -> None:
    """Checks one value; see ``check_values``."""
    if isinstance(value, str):
        if name in SCHEDULES and re.fullmatch(r"lin_[0-9.eE+-]+", value):
            return
        if name in PARSED:
            return  # the content is checked when it is parsed
        if re.fullmatch(r"[+-]?\d+(e[+-]?\d+)", value, re.IGNORECASE):
            dotted = re.sub("(?=e)", ".0", value, flags=re.IGNORECASE)
            raise UserError(f"{origin}: {name}: YAML reads {value} as text. Write {dotted}.")
    if name in ("callback", "env_wrapper", "vec_env_wrapper"):
        check_importable(name, value, origin)
    setting = SETTINGS.get(name, UNKNOWN)
    setting.check(name, value, origin, setting.type or annotation)


def _check_together(hyperparams: Mapping[str, Any], algorithm: type[BaseAlgorithm], origin: Callable[[str], str]) -> None:
    """Checks values that are wrong only for this algorithm or in combination with another value.

    :param origin: returns where the value of a hyperparameter is from, by name
    """
    policy = hyperparams["policy"]
    if "." in policy:
        check_importable("policy", policy, origin("policy"))
    elif policy not in algorithm.policy_aliases:
        raise UserError(f"{origin('policy')}: no policy {policy!r}. {algorithm.__name__} has {', '.join(algorithm.policy_aliases)}.")
    noise = hyperparams.get("noise_type")
    if noise is not None and noise.strip() not in NOISE_TYPES:
        raise UserError(
            f"{origin('noise_type')}: noise_type: no noise {noise!r}.{did_you_mean(noise, NOISE_TYPES)} There are {', '.join(NOISE_TYPES)}."
        )
    if noise is not None and hyperparams.get("noise_std") is None:
        raise UserError(f"{origin('noise_type')}: noise_type {noise!r} needs noise_std, the noise's standard deviation.")
    if issubclass(algorithm, OffPolicyAlgorithm) and hyperparams.get("n_steps", 1) > MOST_N_STEPS:
        raise UserError(
            f"{origin('n_steps')}: n_steps={hyperparams['n_steps']}: returns over more than {MOST_N_STEPS:,} steps are not supported."
        )
    env_kwargs = hyperparams.get("env_kwargs") or {}
    if "max_episode_steps" in env_kwargs:
        MAX_EPISODE_STEPS.check("max_episode_steps", env_kwargs["max_episode_steps"], f"{origin('env_kwargs')}: env_kwargs")
    policy_kwargs = hyperparams.get("policy_kwargs")
    if isinstance(policy_kwargs, dict):
        check_net_arch(policy_kwargs.get("net_arch", []), algorithm, origin("policy_kwargs"))


def check_net_arch(arch: Any, algorithm: type[BaseAlgorithm], origin: str) -> None:
    """Checks ``net_arch``: a list of layer widths, or for an actor-critic also a mapping with a list for each."""
    has_one_network = issubclass(algorithm, (DQN, QRDQN))
    if isinstance(arch, dict) and has_one_network:
        raise UserError(f"{origin}: net_arch: {algorithm.__name__} has one network: give a list of layer widths, not {arch!r}.")
    old = isinstance(arch, list) and len(arch) == 1 and isinstance(arch[0], dict)  # format of SB3 before 1.8
    parts = list((arch[0] if old else arch).values()) if old or isinstance(arch, dict) else [arch]
    if not all(isinstance(part, list) and all(isinstance(width, int) and 0 < width <= WIDEST for width in part) for part in parts):
        raise UserError(f"{origin}: net_arch: a list of layer widths up to {WIDEST:,} is needed, this is {describe(arch)}.")


def check_importable(name: str, value: Any, origin: str) -> None:
    """Checks that the classes that rl-zoo3 will import exist and have the right base class. See ``dotted_names``."""
    for path in dotted_names(name, value, origin):
        imported = import_class(name, path, origin)
        if not issubclass(imported, BASES[name]):
            raise UserError(f"{origin}: {name}: {path!r} is not a {BASES[name].__name__}.")


def dotted_names(key: str, value: Any, origin: str) -> Iterator[str]:
    """The dotted names in a setting, which may be a name, a mapping from one name to its arguments, or a list of these."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and (item if key == "policy" else "." in item):
            yield item
        elif isinstance(item, dict) and len(item) == 1 and all(isinstance(name, str) and "." in name for name in item):
            if not all(isinstance(arguments, dict) for arguments in item.values()):
                raise UserError(f"{origin}: {key}: {next(iter(item))} needs its arguments as a mapping.")
            yield from item
        elif item is not None and not isinstance(item, (type, BaseCallback)):
            raise UserError(f"{origin}: {key}: the dotted name of a class is needed, this is {describe(item)}.")


def import_class(name: str, path: str, origin: str) -> type:
    """Imports the class of a dotted name, from an installed package or a module in the current folder.

    :raises UserError: if the name can't be imported or is not a class
    """
    search(Path.cwd())
    try:
        imported = get_class_by_name(path)
    except Exception as error:  # whatever the module's code raises
        raise UserError(f"{origin}: {name}: {path!r} can't be imported: {error}.") from error
    if not isinstance(imported, type):
        raise UserError(f"{origin}: {name}: {path!r} is not a class.")
    return imported


def resolve_classes(policy_kwargs: dict[str, Any], origin: str, may_import: bool = True) -> dict[str, Any]:
    """Replaces names of classes in ``policy_kwargs`` by the classes: ``nn.ReLU``, ``MinAtarCNN``, ``torch.optim.AdamW``, a dotted name.

    :param may_import: whether any class may be imported; otherwise only classes known to be harmless
    :raises UserError: if a class can't or may not be imported
    """
    resolved = dict(policy_kwargs)
    for name, value in policy_kwargs.items():
        if not (isinstance(name, str) and name.endswith(("_class", "_fn")) and isinstance(value, str)):
            continue
        if value not in SHORT and "." not in value:
            if name.endswith("_class"):  # an activation may be a plain name, which the policy resolves
                raise UserError(f"{origin}: {name}: no class {value!r}.{did_you_mean(value, SHORT)} Give its dotted name.")
            continue
        module, _, attribute = value.rpartition(".")
        if value in SHORT:
            resolved[name] = parse(value, origin)
        elif may_import or (module, attribute) in PICKLED:
            resolved[name] = import_class(name, value, origin)
        else:
            raise UserError(f"{origin}: {name} imports {value}, which may run code. If you trust where it comes from, add --trust.")
    return resolved


def with_trial(hyperparams: Mapping[str, Any], trial: Mapping[str, Any]) -> dict[str, Any]:
    """Hyperparameters of a file with those of a trial. A trial draws only a part of ``policy_kwargs``, so these are joined.

    :raises UserError: if the file's ``policy_kwargs`` can't be read
    """
    own = hyperparams.get("policy_kwargs")
    if isinstance(own, str):
        own = parse(own, "policy_kwargs")
    joined = {**hyperparams, **trial}
    if own and "policy_kwargs" in trial:
        joined["policy_kwargs"] = {**own, **trial["policy_kwargs"]}
    return joined


def as_entry(env_id: str, hyperparams: Mapping[str, Any]) -> str:
    """The entry of an environment in a hyperparameter file, as YAML."""
    return yaml.safe_dump({env_id: _plain(hyperparams)}, sort_keys=False, default_flow_style=None, width=120).rstrip("\n")


def _plain(value: Any) -> Any:
    """A value in types that YAML has: the name of a class instead of the class."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, type):
        short = next((name for name, place in SHORT.items() if place == (value.__module__, value.__name__)), None)
        return short or f"{value.__module__}.{value.__name__}"
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def constructor_parameters(algorithm: type[BaseAlgorithm]) -> dict[str, inspect.Parameter]:
    """The parameters that the constructor accepts, by name. ``**kwargs`` adds those of the next class in the method resolution order."""
    accepted: dict[str, inspect.Parameter] = {}
    for cls in algorithm.__mro__:
        if "__init__" not in vars(cls):
            continue
        parameters = inspect.signature(vars(cls)["__init__"]).parameters
        accepted = dict(parameters) | accepted
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return {name: parameter for name, parameter in accepted.items() if name not in NOT_IN_FILE}


def reference(algorithm: type[BaseAlgorithm]) -> list[tuple[str, str, str, str]]:
    """Rows of the reference table: name, type and range, default, help; first rl-zoo3's settings, then the constructor's."""
    constructor = constructor_parameters(algorithm)
    rows = []
    for name in [*ZOO, *sorted(name for name, parameter in constructor.items() if name not in ZOO and parameter.annotation is not None)]:
        setting, parameter = SETTINGS.get(name, UNKNOWN), constructor.get(name)
        kind = name_of(setting.type or (parameter and parameter.annotation))
        default = "" if parameter is None or parameter.default is parameter.empty else f"{parameter.default}"
        rows.append((name, ", ".join(filter(None, (kind, setting.range))), default, setting.help))
    return rows
