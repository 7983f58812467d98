"""The commands of ``ca2-rl`` that are scripts of rl-zoo3: its own flags, for our algorithms and all of the zoo's."""

import argparse
import logging
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import rl_zoo3.enjoy
import rl_zoo3.train
from huggingface_hub import constants
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    HFValidationError,
    HTTPError,  # of httpx or whatever it is called by then
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
)
from rl_zoo3.utils import get_latest_run_id

from ca2_core.errors import UserError
from ca2_rl.arguments import Parser
from ca2_rl.environments import check_env, try_env
from ca2_rl.runs import find_runs
from ca2_rl.zoo import resume
from ca2_rl.zoo.agents import load_agent, saved_hyperparams
from ca2_rl.zoo.manager import Manager
from ca2_rl.zoo.parser import Namespace, check_device, check_model, command_line
from ca2_rl.zoo.plugins import TRAINED_AGENTS, register

LOG_FOLDER = "logs"
# Its name makes the zoo's scripts ask the hub for what isn't there
ZOO_FOLDER = "rl-trained-agents"
OPTIMIZE_DEFAULTS = {"optimize_hyperparameters": True, "no_optim_plots": True, "n_trials": 50, "n_evaluations": 4, "resume": None}


def train(argv: list[str]) -> None:
    """Train an agent."""
    resume_option = Parser(prog="ca2-rl train", add_help=False, allow_abbrev=False)
    _add_resume(resume_option)
    resumed = resume_option.parse_known_args(argv)[0].resume
    _train("train", argv, {"resume": None} if resumed is None else resume.arguments(Path(resumed)))


def optimize(argv: list[str]) -> None:
    """Search hyperparameters with Optuna."""
    _train("optimize", argv, OPTIMIZE_DEFAULTS)


def _train(command: str, argv: list[str], defaults: dict[str, Any]) -> None:
    register()

    def prepare(parser: argparse.ArgumentParser) -> None:
        if command == "train":
            _add_resume(parser)
        parser.set_defaults(**{"progress": sys.stderr.isatty(), **defaults})

    def check(arguments: Namespace) -> None:
        check_env(arguments.env, arguments.gym_packages)
        for name in ("env_kwargs", "eval_env_kwargs"):
            if given := getattr(arguments, name):
                try_env(arguments.env, given, f"--{name.replace('_', '-')}")
        check_device(arguments)
        for is_wanted, package, option in (
            (arguments.track, "wandb", "--track"),
            (arguments.sampler == "auto", "optunahub", "--sampler auto"),
        ):
            if is_wanted and find_spec(package) is None:
                raise UserError(f"{option} needs a package that is not installed: pip install {package}")
        if arguments.trial_id is not None and not (arguments.storage and arguments.study_name):
            raise UserError(f"--trial-id {arguments.trial_id}: give --storage and --study-name as well.")
        if arguments.trained_agent:
            agent = load_agent(arguments.algo, Path(arguments.trained_agent))
            if arguments.resume:
                resume.check(Path(arguments.resume), arguments.n_timesteps, agent.num_timesteps)

    with command_line(command, argv, prepare, check), patch.object(rl_zoo3.train, "ExperimentManager", Manager):
        rl_zoo3.train.train()


def _add_resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resume", metavar="RUN", help="Go on with the interrupted training in this run folder")


def enjoy(argv: list[str]) -> None:
    """Watch a trained agent."""

    def check(arguments: Namespace) -> None:
        _check_saved(arguments)
        if not arguments.no_render and _has_no_display():
            print("No display here: playing without a window. `ca2-rl record-video` makes a video.")
            arguments.no_render = True

    register()
    with (
        command_line("enjoy", argv, _prepare_saved, check),
        _one_line_from_hub(),
        patch.object(rl_zoo3.enjoy, "get_saved_hyperparams", _as_it_is_played),
    ):
        rl_zoo3.enjoy.enjoy()


def _as_it_is_played(folder: str, norm_reward: bool, test_mode: bool) -> tuple[dict[str, Any], str | None]:
    """The zoo's function, but for the time limit of a training's episodes."""
    return saved_hyperparams(Path(folder), norm_reward)


def record_video(argv: list[str]) -> None:
    """Record a video of a trained agent."""
    _run_script("record_video", argv)


def push_to_hub(argv: list[str]) -> None:
    """Publish a trained agent on the Hugging Face hub."""
    integration: Any = import_module("huggingface_sb3.push_to_hub")
    if not hasattr(integration, "generate_metadata"):
        # rl_zoo3 2.9.2 imports what huggingface_sb3 3.2, which it asks for, has under another name and in another form
        integration.generate_metadata = lambda *args: integration._generate_metadata(*args).to_dict()
    with _one_line_from_hub():
        _run_script("push_to_hub", argv)


@contextmanager
def _one_line_from_hub() -> Iterator[None]:
    """What the Hugging Face hub and the way to it do wrong, as a line."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # no line for each attempt
    try:
        yield
    except (HTTPError, HFValidationError, LocalTokenNotFoundError, LocalEntryNotFoundError) as error:
        raise UserError(f"the hub {constants.ENDPOINT}: {error}") from error
    except ValueError as error:
        if "TRUST_REMOTE_CODE" not in str(error):
            raise
        raise UserError(
            "there is no trained agent here, and one from the hub may run code when it is loaded. "
            "If you trust it, set the environment variable TRUST_REMOTE_CODE=True; or name a folder with -f."
        ) from error


def _run_script(name: str, argv: list[str]) -> None:
    register()
    if _has_no_display():
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    with command_line(name.replace("_", "-"), argv, _prepare_saved, _check_saved):
        runpy.run_module(f"rl_zoo3.{name}", run_name="__main__")


def _prepare_saved(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(folder=None)
    for action in parser._actions:
        if action.dest == "folder":
            action.required = False
    if not any(action.dest == "gym_packages" for action in parser._actions):
        parser.add_argument("--gym-packages", nargs="+", default=[], help="Packages to import, whose envs are then known")


def _check_saved(arguments: Namespace) -> None:
    """Looks in ``logs``, where ``train`` writes, then among the agents of this package or, for the zoo's, in its folder and hub."""
    check_env(arguments.env.gym_id, arguments.gym_packages)
    if arguments.env_kwargs:
        try_env(arguments.env.gym_id, arguments.env_kwargs)
    check_device(arguments)
    if arguments.folder is None:
        arguments.folder = _folder_of(arguments)
        if arguments.folder == str(TRAINED_AGENTS) and getattr(arguments, "output_folder", "") is None:
            arguments.output_folder = "videos"  # not into the installed package
    if arguments.folder != ZOO_FOLDER or arguments.algo in register():
        check_model(arguments)


def _folder_of(arguments: Namespace) -> str:
    for folder in (LOG_FOLDER, str(TRAINED_AGENTS)):
        if get_latest_run_id(f"{folder}/{arguments.algo}", arguments.env) > 0:
            return folder
    return LOG_FOLDER if arguments.algo in register() else ZOO_FOLDER


def _has_no_display() -> bool:
    return sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"} & os.environ.keys()


def benchmark(argv: list[str]) -> None:
    """Evaluate all trained agents of a folder into one table."""

    def prepare(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--hub", dest="no_hub", action="store_false", help="Also the models of SB3's organisation on the hub")
        parser.set_defaults(log_dir=LOG_FOLDER, no_hub=True)

    def check(arguments: Namespace) -> None:
        if not Path(arguments.log_dir).is_dir():
            raise UserError(f"{arguments.log_dir}: no such folder. Name the folder of the trained agents with --log-dir.")
        if arguments.no_hub:
            find_runs([arguments.log_dir])
        Path(arguments.benchmark_dir).mkdir(parents=True, exist_ok=True)

    def call(command: list[str]) -> int:
        # The script starts "python enjoy.py", which is there only in a checkout of the zoo, and knows the zoo's agents only
        return original([sys.executable, "-m", "ca2_rl", "enjoy", *command[2:]])

    register()
    original = subprocess.call
    with command_line("benchmark", argv, prepare, check), patch.object(subprocess, "call", call), _one_line_from_hub():
        runpy.run_module("rl_zoo3.benchmark", run_name="__main__")
