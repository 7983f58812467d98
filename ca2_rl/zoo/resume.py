"""Resumes an interrupted training in its own run folder."""

import argparse
import csv
import re
import shutil
import time
from itertools import islice
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.callbacks import EvalCallback

from ca2_core.arguments import Parser
from ca2_core.errors import UserError
from ca2_core.files import partial_files, whole_file
from ca2_core.settings import describe
from ca2_rl.arguments import Named
from ca2_rl.runs import Run, read_run
from ca2_rl.state.callback import states
from ca2_rl.zoo.agents import saved_hyperparams

# Options that a resumed training takes from its original command line; not those about printing and other output
RESUMED = {
    *("algo", "env", "seed", "env_kwargs", "eval_env_kwargs", "hyperparams", "conf_file", "n_timesteps", "vec_env", "device"),
    *("eval_freq", "eval_episodes", "n_eval_envs", "save_freq", "save_replay_buffer", "log_interval", "num_threads"),
    *("truncate_last_trajectory", "final_episodes", "save_every", "save_buffer"),
}
# Options that decide the results of a training, next to shipped files
DECISIVE = ("seed", "env_kwargs", "hyperparams", "n_timesteps", "vec_env", "device", "num_threads")
STATES = "states"
HASHES = "hashes.csv"


def arguments(given: argparse.Namespace, parser: Parser) -> dict[str, Any]:
    """Arguments to resume the training in the folder ``given.resume``: from its newest state, without one from its newest model, and
    without a model from the beginning.

    :param given: the current command line
    :param parser: parser of the command line
    :raises UserError: if the folder is not a run folder, its arguments are damaged, or it names code that the user has not named
    """
    folder = Path(given.resume)
    run = read_run(folder, given.trust)
    model = None if states(folder / STATES) else newest_model(run)
    return recorded(given, parser, run) | {"resume": given.resume} | ({"trained_agent": str(model)} if model else {})


def newest_model(run: Run) -> Path | None:
    """The last model of a run, or a checkpoint after it; None if there is none."""
    models = [*run.folder.glob("rl_model_*_steps.zip"), *run.folder.glob(f"{run.params_folder.name}.zip")]
    return max(models, key=lambda path: path.stat().st_mtime, default=None)


def beside_model(model: Path, kind: str, usual: Path) -> Path:
    """Path of a file that was saved with a model, which may be a checkpoint or the model of a run.

    :param kind: part of the file's name for a checkpoint
    :param usual: path within the run folder for the model of a run
    """
    checkpoint = re.fullmatch(r"rl_model_(\d+_steps)\.zip", model.name)
    return model.with_name(f"rl_model_{kind}_{checkpoint[1]}.pkl") if checkpoint else model.parent / usual


def recorded(given: argparse.Namespace, parser: Parser, run: Run) -> dict[str, Any]:
    """Arguments that a run recorded.

    The user has to name packages and Python code again, or trust the run.

    :raises UserError: if the arguments are damaged, or name code that the user has not named
    """
    folder = run.folder
    saved = {
        action.dest: _checked(action, run.args[action.dest], run.params_folder / "args.yml")
        for action in parser._actions
        if action.dest in RESUMED & run.args.keys()
    }
    saved["trust"] = given.trust
    began_with = run.args.get("trained_agent")
    if began_with and isinstance(began_with, str) and Path(began_with).parent.resolve() != folder.resolve():
        saved["trained_agent"] = began_with
    packages = run.args.get("gym_packages") or []
    if given.trust:
        return saved | {"gym_packages": packages}
    if run.env_id not in gym.registry and not given.gym_packages:
        raise UserError(f"{folder}: no env {run.env_id!r}; the run used {packages}. If you trust them, add --gym-packages PACKAGE.")
    conf_file = saved.get("conf_file")
    if conf_file and given.conf_file is None and not conf_file.endswith((".yml", ".yaml")):
        raise UserError(f"{folder}: its hyperparameters are Python code, {conf_file}. If you trust it, add --conf-file {conf_file}")
    return saved


def _checked(action: argparse.Action, value: Any, origin: Path) -> Any:
    """Checks and converts a recorded value as if it were given on the command line.

    :raises UserError: if the value is invalid
    """
    if value is None or (type(value) is type(action.default) and value == action.default):
        return value
    if isinstance(action, Named):
        needed, is_right = "a mapping from names to values", isinstance(value, dict) and all(isinstance(name, str) for name in value)
    elif action.nargs == 0:
        needed, is_right = "true or false", isinstance(value, bool)
    else:
        needed, is_right = "a single value", isinstance(value, (str, int, float))
    if not is_right:
        raise UserError(f"{origin}: {action.dest}: {needed} is needed, this is {describe(value)}.")
    if isinstance(value, (bool, dict)) and action.type is None:
        return value
    try:
        converted = action.type(str(value)) if callable(action.type) else str(value)
    except (argparse.ArgumentTypeError, ValueError, OverflowError) as error:
        raise UserError(f"{origin}: {action.dest}: {error}.") from error
    if action.choices is not None and converted not in action.choices:
        raise UserError(f"{origin}: {action.dest}: {converted!r} is none of {', '.join(map(str, action.choices))}.")
    return converted


def cut_logs(folder: Path, lines: dict[str, int]) -> None:
    """Removes from a run's logs everything that was written after a state.

    :param lines: number of lines of each file in that state; other logs are removed
    """
    if not isinstance(lines, dict) or not all(isinstance(count, int) for count in lines.values()):
        raise UserError(f"{folder}: its state is damaged: the numbers of log lines are missing.")
    for path in log_files(folder):
        with path.open("rb") as file:
            kept = b"".join(islice(file, max(0, lines.get(path.name, 0))))
        if kept:
            with whole_file(path) as partial:
                partial.write_bytes(kept)
        else:
            path.unlink()


def count_lines(folder: Path) -> dict[str, int]:
    """Number of lines of each of a run's logs, for ``cut_logs``."""
    return {path.name: path.read_bytes().count(b"\n") for path in log_files(folder)}


def log_files(folder: Path) -> list[Path]:
    return sorted(path for pattern in ("progress.csv", HASHES, "*.monitor.csv") for path in folder.glob(pattern))


def check_algo(folder: Path, algo: str) -> None:
    """Checks that a run is of the given algorithm.

    :param algo: the algorithm on the command line
    :raises UserError: if the run is of another algorithm
    """
    run = read_run(folder)
    if algo != run.algo:
        raise UserError(f"{folder}: a training of {run.algo} can't be resumed with {algo}. Leave out --algo.")


def check(folder: Path, n_timesteps: int, done: int) -> None:
    """Checks, before anything is written, that there are steps left to do and that the log is not damaged.

    :param folder: the run folder
    :param n_timesteps: steps on the command line; -1 for those in the hyperparameters
    :param done: steps of the newest state or model
    :raises UserError: if all steps are done, or the log is damaged
    """
    read_progress(folder / "progress.csv")
    run = read_run(folder)
    if done and n_timesteps < 0:
        n_timesteps = int(saved_hyperparams(run.params_folder)["n_timesteps"])
    if done >= n_timesteps > 0:
        raise UserError(f"{folder}: all {done:,} steps are done. To train longer, add -n STEPS.")


def remove_partial(folder: Path) -> None:
    """Removes half-written files that a killed process has left in a run."""
    for path in [partial for each in (folder, *folder.glob("*/")) for partial in partial_files(each)]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def remove_states(folder: Path) -> None:
    """Removes all states of a run, atomically."""
    states = folder / STATES
    if states.is_dir():
        gone = folder / f".{STATES}.partial"
        shutil.rmtree(gone, ignore_errors=True)
        states.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def read_progress(path: Path) -> list[dict[str, float]]:
    """Rows of a ``progress.csv``, without empty cells; an empty list if there is no file."""
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    except (csv.Error, TypeError, UnicodeDecodeError, ValueError) as error:
        raise UserError(f"{path}: damaged: {error}. Move it away to go on without it.") from error


def set_aside_monitors(folder: Path) -> list[tuple[Path, Path]]:
    """Renames the monitor files, so that new ones don't overwrite them. SB3's ``load_results`` reads both.

    :return: old and new path of each file
    """
    moved = []
    for path in folder.glob("*.monitor.csv"):
        if path.name.count(".") == 2:  # 0.monitor.csv, not set aside before
            target = path.with_name(f"{path.name.partition('.')[0]}.until_{int(time.time())}.monitor.csv")
            path.rename(target)
            moved.append((path, target))
    return moved


def put_back(moved: list[tuple[Path, Path]]) -> None:
    """Undoes ``set_aside_monitors``."""
    for path, target in moved:
        target.replace(path)


def restore_evaluations(callback: EvalCallback, folder: Path) -> None:
    """Restores previous evaluations in the callback, which appends to them and keeps the best model."""
    path = folder / "evaluations.npz"
    if not path.is_file():
        return
    try:
        with np.load(path, allow_pickle=False) as saved:
            steps, results, lengths = (saved[name] for name in ("timesteps", "results", "ep_lengths"))
        means = results.mean(axis=1)
        fits = 0 < len(steps) == len(means) == len(lengths) and np.isfinite(means).all()
    except Exception as error:  # a damaged file raises almost anything
        raise UserError(f"{path}: damaged: {error}. Move it away to go on without it.") from error
    if not fits:
        raise UserError(f"{path}: damaged: its arrays do not fit. Move it away to go on without it.")
    callback.evaluations_timesteps = steps.tolist()
    callback.evaluations_results = results.tolist()
    callback.evaluations_length = lengths.tolist()
    callback.best_mean_reward = float(means.max())
