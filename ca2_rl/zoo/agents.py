"""Saved agents."""

import zipfile
from pathlib import Path
from typing import Any

import yaml
from rl_zoo3.utils import ALGOS, get_saved_hyperparams
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from ca2_core.errors import UserError, did_you_mean


def load_agent(algo: str, path: Path) -> BaseAlgorithm:
    """An agent for prediction, without its replay buffer.

    SB3's zip files hold pickled objects: load only what you trust.

    :param algo: the zoo's key
    :param path: zip file
    :raises UserError: if the algorithm is unknown, or the file is damaged or of another algorithm
    """
    if algo not in ALGOS:
        raise UserError(f"{path}: no algorithm {algo!r}.{did_you_mean(algo, ALGOS)} Is its package installed?")
    # Neither schedules, which a Python of another version may not unpickle, nor a buffer are needed
    custom_objects = {"learning_rate": 0.0, "lr_schedule": 0.0, "clip_range": 0.0}
    no_buffer: dict[str, Any] = {}
    if issubclass(ALGOS[algo], OffPolicyAlgorithm):
        no_buffer = {"buffer_size": 1, "optimize_memory_usage": False}
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (OSError, zipfile.BadZipFile) as error:
        damaged = str(error)
    if damaged is not None:
        raise UserError(f"{path}: damaged, or no zip file of SB3: {damaged}.")
    try:
        return ALGOS[algo].load(path, device="cpu", custom_objects=custom_objects, **no_buffer)
    except Exception as error:
        raise UserError(f"{path}: no {algo} agent can be loaded from it: {error}") from error


def saved_hyperparams(params_folder: Path, norm_reward: bool = False) -> tuple[dict[str, Any], str | None]:
    """What a training saved in ``config.yml``, as it is for playing, and the folder where it kept its running statistics, if any.

    ``max_episode_steps`` in the file's ``env_kwargs`` is left out: it cuts the episodes of the training, and is not part of the task.

    :param norm_reward: whether running statistics are to be applied to rewards too
    :raises UserError: if the file is damaged
    """
    try:
        hyperparams, stats_path = get_saved_hyperparams(str(params_folder), norm_reward, test_mode=True)
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{params_folder / 'config.yml'}: can't be read as the hyperparameters of a training: {error}") from error
    hyperparams.get("env_kwargs", {}).pop("max_episode_steps", None)
    return hyperparams, stats_path
