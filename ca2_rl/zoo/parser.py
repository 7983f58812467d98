"""The command lines of the zoo's scripts, with other defaults, errors of one line, and checks before any work starts."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import torch as th
from rl_zoo3.utils import ALGOS, get_latest_run_id, get_model_path

from ca2_rl.arguments import Parser
from ca2_rl.errors import UserError, did_you_mean
from ca2_rl.zoo.agents import load_agent

Namespace = argparse.Namespace


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
            _, path, _ = get_model_path(arguments.exp_id, folder, algo, env_name, *which)
    except (AssertionError, ValueError) as error:
        if get_latest_run_id(f"{folder}/{algo}", env_name) == 0:
            raise UserError(
                f"no run of {algo} on {env_name.gym_id} in {folder}. "
                f"Train one with `ca2-rl train --algo {algo} --env {env_name.gym_id} -f {folder}`, or name its folder with -f."
            ) from error
        raise UserError(f"{error}.") from error
    load_agent(algo, Path(path))
