"""Going on with an interrupted training in its own run folder."""

import argparse
import csv
import re
import shutil
import time
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

# What a training goes on with of its own command line. Not what it prints, nor where else it writes
RESUMED = {
    *("algo", "env", "seed", "env_kwargs", "eval_env_kwargs", "hyperparams", "conf_file", "n_timesteps", "vec_env", "device"),
    *("eval_freq", "eval_episodes", "n_eval_envs", "save_freq", "save_replay_buffer", "log_interval", "num_threads"),
    *("truncate_last_trajectory", "final_episodes", "save_every", "save_buffer"),
}
# What decides the numbers of a training, beside what is shipped
DECISIVE = ("seed", "env_kwargs", "hyperparams", "n_timesteps", "vec_env", "device", "num_threads")
STATES = "states"
HASHES = "hashes.csv"


def arguments(given: argparse.Namespace, parser: Parser) -> dict[str, Any]:
    """The command line of the training in the folder ``given.resume``, made to go on: from its newest state, from its newest model
    if there is none, from the beginning if there is no model either.

    :param given: the command line of now
    :param parser: of that command line
    :raises UserError: if the folder is no run, holds no command line, or names code that the user did not
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
    """What was saved with a model, of SB3's checkpoint callback or of a whole run.

    :param kind: in the name of a checkpoint's file
    :param usual: of a run, from its folder
    """
    checkpoint = re.fullmatch(r"rl_model_(\d+_steps)\.zip", model.name)
    return model.with_name(f"rl_model_{kind}_{checkpoint[1]}.pkl") if checkpoint else model.parent / usual


def recorded(given: argparse.Namespace, parser: Parser, run: Run) -> dict[str, Any]:
    """The command line of a run.

    What that training imported or ran is left to the user to name again, or to trust.

    :raises UserError: if it is damaged, or names code that the user did not
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
        raise UserError(f"{folder}: no env {run.env_id!r}; the run took it from {packages}. If you trust that: --gym-packages PACKAGE.")
    conf_file = saved.get("conf_file")
    if conf_file and given.conf_file is None and not conf_file.endswith((".yml", ".yaml")):
        raise UserError(f"{folder}: its hyperparameters are Python code, {conf_file}. If you trust that: --conf-file {conf_file}")
    return saved


def _checked(action: argparse.Action, value: Any, origin: Path) -> Any:
    """A value of a file for an option, as if it stood on the command line.

    :raises UserError: if it could not
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
    """Takes what came after a state out of a run's logs.

    :param lines: of each file at that time; files that are not named are removed
    """
    if not isinstance(lines, dict) or not all(isinstance(count, int) for count in lines.values()):
        raise UserError(f"{folder}: its state is damaged: it does not count the lines of logs.")
    for path in log_files(folder):
        kept = path.read_text(encoding="utf-8").splitlines(keepends=True)[: lines.get(path.name, 0)]
        if kept:
            with whole_file(path) as partial:
                partial.write_text("".join(kept), encoding="utf-8", newline="")
        else:
            path.unlink()


def count_lines(folder: Path) -> dict[str, int]:
    """Of a run's logs, as ``cut_logs`` takes them."""
    return {path.name: path.read_bytes().count(b"\n") for path in log_files(folder)}


def log_files(folder: Path) -> list[Path]:
    return sorted(path for pattern in ("progress.csv", HASHES, "*.monitor.csv") for path in folder.glob(pattern))


def check_algo(folder: Path, algo: str) -> None:
    """Sees that a run is one of the algorithm.

    :param algo: on the command line
    :raises UserError: if it is not
    """
    run = read_run(folder)
    if algo != run.algo:
        raise UserError(f"{folder}: a training of {run.algo} can't go on as one of {algo}. Leave out --algo.")


def check(folder: Path, n_timesteps: int, done: int) -> None:
    """Sees, before anything is written, that there is something left to do, and that the log can be gone on with.

    :param folder: the run
    :param n_timesteps: steps on the command line; -1: those of its hyperparameters
    :param done: steps of its newest state or model
    :raises UserError: if there is not, or it can't be
    """
    read_progress(folder / "progress.csv")
    run = read_run(folder)
    if done and n_timesteps < 0:
        n_timesteps = int(saved_hyperparams(run.params_folder)["n_timesteps"])
    if done >= n_timesteps > 0:
        raise UserError(f"{folder}: all of its {done:,} steps are done. For more, add -n STEPS.")


def remove_partial(folder: Path) -> None:
    """Removes what a killed process left half-written in a run."""
    for path in [partial for each in (folder, *folder.glob("*/")) for partial in partial_files(each)]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def remove_states(folder: Path) -> None:
    """Removes the states of a run, all or none of them."""
    states = folder / STATES
    if states.is_dir():
        gone = folder / f".{STATES}.partial"
        shutil.rmtree(gone, ignore_errors=True)
        states.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def read_progress(path: Path) -> list[dict[str, float]]:
    """The rows of a ``progress.csv``, without their empty cells; none if there is no file."""
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    except (csv.Error, TypeError, UnicodeDecodeError, ValueError) as error:
        raise UserError(f"{path}: damaged: {error}. Move it away to go on without it.") from error


def set_aside_monitors(folder: Path) -> list[tuple[Path, Path]]:
    """Renames the monitor files, so that new ones don't overwrite them; SB3's ``load_results`` reads them all.

    :return: old and new path of each
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
    """Gives the evaluations so far back to the callback that appends to them and keeps the best model."""
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
