"""Hyperparameters that are published: ours and the zoo's."""

import ast
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import rl_zoo3
import yaml

from ca2_rl.zoo.plugins import register

PENDULUM = "Pendulum-v1"


def shipped(algo: str, env_id: str = PENDULUM, /, **changes: Any) -> dict[str, Any]:
    """Those of this package, with changes.

    :param algo: "discretizeddqn", "noisydqn" or "ouddpg"
    """
    path = register()[algo].hyperparams
    assert isinstance(path, Path)
    return _read(path, env_id) | changes


def of_the_zoo(algo: str, env_id: str = PENDULUM) -> dict[str, Any]:
    """Those of the installed rl-zoo3."""
    hyperparams = _read(Path(rl_zoo3.__file__).parent / "hyperparams" / f"{algo}.yml", env_id)
    if isinstance(text := hyperparams.get("policy_kwargs"), str):  # "dict(net_arch=[400, 300])"
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        hyperparams["policy_kwargs"] = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    return hyperparams


def _read(path: Path, env_id: str) -> dict[str, Any]:
    return deepcopy(_content(path)[env_id])


@cache
def _content(path: Path) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content
