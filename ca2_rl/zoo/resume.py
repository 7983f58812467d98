"""Going on with an interrupted training in its own run folder."""

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.callbacks import EvalCallback

from ca2_core.errors import UserError
from ca2_rl.runs import read_run
from ca2_rl.zoo.agents import saved_hyperparams

# Options that say what a training prints
PRINTING = ("progress", "quiet", "verbose")


def arguments(given: argparse.Namespace) -> dict[str, Any]:
    """The command line of the training in the folder ``given.resume``, made to go on from its saved model.

    What that training imported or ran is left to the user to name again, or to trust.

    :param given: the command line of now
    :raises UserError: if the folder is no run, has no model yet, or names code that the user did not
    """
    folder = Path(given.resume)
    run = read_run(folder, given.trust)
    saved = {name: value for name, value in run.args.items() if name not in PRINTING}
    saved |= {"resume": given.resume, "trained_agent": str(run.model_path), "trust": given.trust}
    if given.trust:
        return saved
    packages = saved.pop("gym_packages", [])
    if run.env_id not in gym.registry and not given.gym_packages:
        raise UserError(f"{folder}: no env {run.env_id!r}; the run took it from {packages}. If you trust that: --gym-packages PACKAGE.")
    conf_file = saved.get("conf_file")
    if conf_file and given.conf_file is None and not str(conf_file).endswith((".yml", ".yaml")):
        raise UserError(f"{folder}: its hyperparameters are Python code, {conf_file}. If you trust that: --conf-file {conf_file}")
    return saved


def check(folder: Path, n_timesteps: int, done: int) -> None:
    """Sees, before anything is written, that there is something left to do.

    :param folder: the run
    :param n_timesteps: steps on the command line; -1: those of its hyperparameters
    :param done: steps of its saved model
    :raises UserError: if there is not
    """
    total = n_timesteps if n_timesteps > 0 else int(saved_hyperparams(read_run(folder).params_folder)["n_timesteps"])
    if done >= total:
        raise UserError(f"{folder}: all of its {done:,} steps are done. For more, add -n STEPS.")


def read_progress(path: Path) -> list[dict[str, float]]:
    """The rows of a ``progress.csv``, without their empty cells; none if there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def set_aside_monitors(folder: Path) -> None:
    """Renames the monitor files, so that new ones don't overwrite them; SB3's ``load_results`` reads them all."""
    for path in folder.glob("*.monitor.csv"):
        if path.name.count(".") == 2:  # 0.monitor.csv, not set aside before
            path.rename(path.with_name(f"{path.name.partition('.')[0]}.until_{int(time.time())}.monitor.csv"))


def restore_evaluations(callback: EvalCallback, folder: Path) -> None:
    """Gives the evaluations so far back to the callback that appends to them and keeps the best model."""
    path = folder / "evaluations.npz"
    if not path.is_file():
        return
    with np.load(path) as saved:
        callback.evaluations_timesteps = saved["timesteps"].tolist()
        callback.evaluations_results = saved["results"].tolist()
        callback.evaluations_length = saved["ep_lengths"].tolist()
    callback.best_mean_reward = max(float(np.mean(results)) for results in callback.evaluations_results)
