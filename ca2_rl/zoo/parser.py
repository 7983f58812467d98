"""The command lines of the zoo's scripts, with other defaults, errors of one line, and checks before any work starts."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch as th
from rl_zoo3.utils import ALGOS, get_latest_run_id, get_model_path

from ca2_core.errors import UserError, did_you_mean
from ca2_rl.arguments import Parser
from ca2_rl.runs import read_run
from ca2_rl.zoo.agents import load_agent, saved_hyperparams

Namespace = argparse.Namespace

# The least value of the scripts' numbers; their defaults are let through, -1 often means "not given"
LEAST = {
    "eval_episodes": 1,
    "max_total_trials": 1,
    "n_envs": 1,
    "n_eval_envs": 1,
    "n_evaluations": 1,
    "n_startup_trials": 0,
    "n_timesteps": 1,
    "n_trials": 1,
    "seed": 0,
    "trial_id": 0,
}
MAX_SEED = 2**32 - 1  # NumPy's
FOLDERS = ("benchmark_dir", "log_folder", "optimization_log_path", "output_folder", "reward_log", "tensorboard_log")


@contextmanager
def command_line(
    command: str,
    argv: list[str],
    prepare: Callable[[argparse.ArgumentParser], None],
    check: Callable[[Namespace], None] = lambda arguments: None,
) -> Iterator[None]:
    """Has the scripts that run in the block parse ``argv``.

    :param command: as it stands after ``ca2-rl``
    :param argv: what follows it
    :param prepare: adds options and sets defaults once the script has declared its own
    :param check: corrects the parsed arguments or raises ``UserError``
    """

    def parse_args(parser: argparse.ArgumentParser) -> Namespace:
        for action in parser._actions:
            if action.dest == "algo":
                action.type = known_algorithm
        prepare(parser)
        try:
            arguments = parse_plainly(parser)
        except (NameError, SyntaxError) as error:  # the zoo evaluates the values of name:value options
            raise UserError(f"{error}. In name:value options, text needs quotes twice: -params policy:\"'MlpPolicy'\".") from error
        for action in parser._actions:
            check_option(action, getattr(arguments, action.dest, None))
        check(arguments)
        return arguments

    parse_plainly = argparse.ArgumentParser.parse_args
    with (
        patch.object(sys, "argv", [f"ca2-rl {command}", *argv]),
        patch.object(argparse.ArgumentParser, "parse_args", parse_args),
        patch.object(argparse.ArgumentParser, "error", Parser.error),
    ):
        yield


def known_algorithm(name: str) -> str:
    """The zoo's key of an algorithm. Its own check of it can't say which one was meant."""
    if name not in ALGOS:
        raise argparse.ArgumentTypeError(f"no algorithm {name!r}.{did_you_mean(name, ALGOS)} There are {', '.join(ALGOS)}")
    return name


def check_option(action: argparse.Action, value: Any) -> None:
    """Looks at what the scripts take as it comes: numbers too small, and folders that are files."""
    option = " ".join([*action.option_strings[-1:], str(value)])
    if value in (None, "", action.default):
        return
    if action.dest in LEAST and value < LEAST[action.dest]:
        raise UserError(f"{option}: at least {LEAST[action.dest]} is needed.")
    if action.dest == "n_jobs" and (value == 0 or value < -1):
        raise UserError(f"{option}: at least 1 is needed, or -1 for one a core.")
    if action.dest == "seed" and value > MAX_SEED:
        raise UserError(f"{option}: at most {MAX_SEED:,}.")
    if action.dest in FOLDERS:
        for path in (Path(value), *Path(value).parents):
            if path.is_file():
                raise UserError(f"{option}: {path} is a file, a folder is needed.")


def check_device(arguments: Namespace) -> None:
    """Looks at ``--device``, if the script has it."""
    device = getattr(arguments, "device", "auto")
    try:
        th.device("cpu" if device == "auto" else device)
    except RuntimeError as error:
        raise UserError(f"--device {device}: give auto, cpu, cuda, cuda:1 or mps.") from error


def check_model(arguments: Namespace) -> None:
    """Finds the saved model that ``--algo``, ``--env`` and ``--folder`` name, and loads it to see that it can be."""
    algo, env_name, folder = arguments.algo, arguments.env, arguments.folder
    which = arguments.load_best, arguments.load_checkpoint, arguments.load_last_checkpoint
    try:
        with redirect_stdout(None):  # the script says the same again
            _, path, folder_of_run = get_model_path(arguments.exp_id, folder, algo, env_name, *which)
    except (AssertionError, ValueError) as error:
        if get_latest_run_id(f"{folder}/{algo}", env_name) == 0:
            raise UserError(
                f"no run of {algo} on {env_name.gym_id} in {folder}. "
                f"Train one with `ca2-rl train --algo {algo} --env {env_name.gym_id} -f {folder}`, or name its folder with -f."
            ) from error
        raise UserError(f"{error}.") from error
    load_agent(algo, Path(path))
    if Path(folder_of_run, env_name, "args.yml").is_file():
        saved_hyperparams(read_run(Path(folder_of_run)).params_folder)
