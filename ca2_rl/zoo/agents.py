"""Saved agents."""

import zipfile
from pathlib import Path
from typing import Any

from rl_zoo3.utils import ALGOS
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from ca2_rl.errors import UserError, did_you_mean


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
