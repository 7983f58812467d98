"""Tuned hyperparameters that are shipped by ca2 and by rl-zoo3."""

import ast
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import rl_zoo3
import yaml
from rl_zoo3.exp_manager import ExperimentManager

from ca2_core.errors import UserError, did_you_mean
from ca2_rl.zoo.plugins import register


def shipped(algo: str, env_id: str, /, **changes: Any) -> dict[str, Any]:
    """Hyperparameters that an algorithm's package ships, with changes.

    :param algo: key of a plug-in algorithm, such as "noisydqn"
    :raises UserError: if the package ships none for the env
    """
    plugin = register().get(algo)
    if plugin is None or not isinstance(plugin.hyperparams, Path):
        names = ", ".join(name for name, plugin in register().items() if isinstance(plugin.hyperparams, Path))
        raise UserError(f"{algo} ships no hyperparameters. These do: {names}.")
    return _entry(plugin.hyperparams, env_id) | changes


def of_the_zoo(algo: str, env_id: str) -> dict[str, Any]:
    """Hyperparameters of the installed rl-zoo3.

    :raises UserError: if rl-zoo3 has none for the env
    """
    hyperparams = _entry(Path(rl_zoo3.__file__).parent / "hyperparams" / f"{algo}.yml", env_id)
    return {name: _evaluated(value) if name == "policy_kwargs" else value for name, value in hyperparams.items()}


def _evaluated(value: Any) -> Any:
    """A mapping in place of a string such as "dict(net_arch=[400, 300])", if that contains only literals."""
    try:
        call = ast.parse(value, mode="eval").body
        assert isinstance(call, ast.Call)
        return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (TypeError, ValueError, SyntaxError, AssertionError):
        return value


def _entry(path: Path, env_id: str) -> dict[str, Any]:
    content = _content(path)
    if content is None:
        raise UserError(f"{path.stem} has no hyperparameters in {path.parent}.")
    keys = [env_id, *(["atari"] if ExperimentManager.is_atari(env_id) else []), "default"]
    found = next((key for key in keys if key in content), None)
    if found is None:
        raise UserError(f"{path.stem} has no hyperparameters for {env_id}.{did_you_mean(env_id, content)} There are {', '.join(content)}.")
    return deepcopy(content[found])


@cache
def _content(path: Path) -> dict[str, dict[str, Any]] | None:
    if not path.is_file():
        return None
    content: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merges two mappings recursively. Entries of ``above`` take precedence; None removes an entry."""
    result = dict(below)
    for name, value in above.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            inner = result.get(name)
            result[name] = merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            result[name] = value
    return result
