"""``ca2-rl train`` and ``ca2-rl optimize``: our own command line for rl-zoo3's experiment manager."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import stable_baselines3 as sb3
import torch as th
from rl_zoo3.utils import ALGOS
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.utils import set_random_seed

from ca2_core.arguments import Parser, at_least, folder, seed
from ca2_core.errors import UserError
from ca2_core.files import locked
from ca2_core.tables import Table
from ca2_rl.arguments import Named
from ca2_rl.commands.agent_options import LOG_FOLDER, add_env_options, device
from ca2_rl.commands.closing import final_evaluation, next_commands
from ca2_rl.environments import check_env, split_env_id, try_env
from ca2_rl.runs import read_run
from ca2_rl.state.callback import states
from ca2_rl.state.hashes import Link
from ca2_rl.zoo import resume
from ca2_rl.zoo.agents import load_agent
from ca2_rl.zoo.hyperparams import reference
from ca2_rl.zoo.manager import Manager
from ca2_rl.zoo.plugins import register
from ca2_rl.zoo.printing import say

# Options that a search accepts, as rl-zoo3's does, but ignores. Its help hides them
OF_A_TRAINING = {
    *(
        "trained_agent",
        "truncate_last_trajectory",
        "final_episodes",
        "save_freq",
        "save_every",
        "save_buffer",
        "save_replay_buffer",
        "tensorboard_log",
    ),
    *("uuid", "track", "wandb_project_name", "wandb_entity", "wandb_group", "wandb_tags", "optimize_hyperparameters", "trial_id"),
}


def main(argv: list[str]) -> None:
    """Trains an agent, or resumes an interrupted training."""
    register()
    parser = options("ca2-rl train", "Trains an agent with the shipped hyperparameters and saves it as a run in logs.")
    parser.add_argument("--resume", metavar="RUN", help="resume the stopped or killed training in this run folder, exactly if possible")
    parser.add_argument("--params-help", action="store_true", help="list the hyperparameters of --algo, for -params and files, and exit")
    given = parser.parse_args(argv)
    if given.params_help:
        Table(("hyperparameter", "may be", "default", ""), reference(ALGOS[given.algo]), texts=4).print()
        return
    if given.resume is None:
        _run(given)
        return
    with locked(read_run(Path(given.resume), given.trust).folder):
        parser.set_defaults(**resume.arguments(given, parser))
        _run(parser.parse_args(argv), config_of(Path(given.resume)))


def optimize(argv: list[str]) -> None:
    """Searches hyperparameters with Optuna."""
    register()
    parser = options(
        "ca2-rl optimize", "Searches hyperparameters with Optuna. Several processes can share a search through --storage and --study-name."
    )
    parser.set_defaults(optimize_hyperparameters=True, n_trials=50, n_evaluations=4, resume=None)
    for action in parser._actions:
        if action.dest in OF_A_TRAINING:
            action.help = argparse.SUPPRESS
    _run(parser.parse_args(argv))


def options(prog: str, description: str) -> Parser:
    """Parser with rl-zoo3's training options, under the names that its manager expects."""
    parser = Parser(prog=prog, description=description, allow_abbrev=False)
    add = parser.add_argument
    add_env_options(parser)
    add("--eval-env-kwargs", nargs="+", action=Named, metavar="NAME:VALUE", help="arguments of the env for evaluations")
    add(
        "-n",
        "--n-timesteps",
        type=at_least(1, also=(-1,)),
        default=-1,
        metavar="STEPS",
        help="steps of the training (default: those in the hyperparameters)",
    )
    add(
        "-params",
        "--hyperparams",
        nargs="+",
        action=Named,
        metavar="NAME:VALUE",
        help="hyperparameters, such as gamma:0.99 learning_rate:lin_1e-3",
    )
    add("-conf", "--conf-file", metavar="FILE", help="hyperparameters: a .yml or .py file or a module, in rl-zoo3's format")
    add("--seed", type=seed, metavar="N", help="seed (default: a random one, which is printed)")
    add("-f", "--log-folder", type=folder, default=LOG_FOLDER, metavar="FOLDER", help="where runs are saved (default: logs)")
    add("-i", "--trained-agent", default="", metavar="ZIP", help="continue training this saved agent, in a new run")
    her = "end the last episode of a loaded HerReplayBuffer (default: True)"
    add("--truncate-last-trajectory", type=_boolean, default=True, metavar="BOOL", help=her)
    add("--device", type=device, default="auto", help="PyTorch device (default: auto)")
    add("--num-threads", type=at_least(1), default=-1, metavar="N", help="number of PyTorch threads (default: 1, except for Atari)")
    add(
        "--vec-env", choices=("dummy", "subproc"), default="dummy", help="dummy: all envs in this process; subproc: each in its own process"
    )
    add("--n-eval-envs", type=at_least(1, 10_000), default=1, metavar="N", help="envs for evaluations (default: 1)")
    often = "steps between evaluations; negative: no evaluations (default: 25,000, or a tenth of a shorter training)"
    add("--eval-freq", type=_interval, default=25_000, metavar="STEPS", help=often)
    add("--eval-episodes", type=at_least(1), default=5, metavar="N", help="episodes of an evaluation (default: 5)")
    final = "episodes of the evaluation after the training, which takes at most about 30 s; 0: no evaluation (default: 100)"
    add("--final-episodes", type=at_least(0), default=100, metavar="N", help=final)
    add("--save-freq", type=_interval, default=-1, metavar="STEPS", help="steps between checkpoints (default: none)")
    add(
        "--save-every",
        type=_minutes,
        default=5.0,
        metavar="MINUTES",
        help="minutes between saves of the whole state for --resume (default: 5)",
    )
    add("--save-buffer", action="store_true", help="save a replay buffer of over 500 MB with every state, not only on Ctrl-C")
    add("--save-replay-buffer", action="store_true", help="save the replay buffer with the model")
    logs = "episodes or rollouts between log entries (default: SB3's)"
    add("--log-interval", type=at_least(1, also=(-2,)), default=-1, metavar="N", help=logs)
    add("-tb", "--tensorboard-log", type=folder, default="", metavar="FOLDER", help="folder for TensorBoard logs")
    printing = parser.add_mutually_exclusive_group()
    printing.add_argument("-q", "--quiet", action="store_true", help="print errors and the last lines only")
    verbose = "print everything that SB3 and rl-zoo3 print; as in rl-zoo3, 0 is --quiet and 2 prints even more"
    printing.add_argument("--verbose", type=int, choices=(0, 1, 2), nargs="?", const=1, metavar="N", help=verbose)
    add("-P", "--progress", action="store_true", help="show a progress bar with --quiet or --verbose too; on terminals only")
    add("-uuid", "--uuid", action="store_true", help="add a unique id to the run's name")
    add("--track", action="store_true", help="track with Weights & Biases")
    add("--wandb-project-name", default="sb3", metavar="NAME")
    add("--wandb-entity", metavar="NAME")
    add("--wandb-group", metavar="NAME")
    add("-tags", "--wandb-tags", nargs="+", default=[], metavar="TAG")
    add = parser.add_argument_group("search of hyperparameters").add_argument
    add("-optimize", "--optimize-hyperparameters", action="store_true", help="search hyperparameters, as `ca2-rl optimize` does")
    add("--n-trials", type=at_least(1), default=500, metavar="N", help="trials of this process (default for optimize: 50)")
    add("--max-total-trials", type=at_least(1), metavar="N", help="trials of all processes together")
    add("--n-jobs", type=at_least(1, also=(-1,)), default=1, metavar="N", help="parallel trials; -1: one per core (default: 1)")
    add("--sampler", choices=("random", "tpe", "auto"), default="tpe")
    add("--pruner", choices=("halving", "median", "none"), default="median")
    add("--n-startup-trials", type=at_least(0), default=10, metavar="N", help="number of random trials at the start (default: 10)")
    add("--n-evaluations", type=at_least(1), metavar="N", help="evaluations of each trial (default for optimize: 4)")
    add("--optimization-log-path", type=folder, metavar="FOLDER", help="folder for the evaluations of each trial")
    add("--no-optim-plots", action="store_true", default=True, help=argparse.SUPPRESS)  # never shown: the plots need a browser
    add("--storage", metavar="URL", help="storage that several processes share: sqlite:///study.db, study.log or a database URL")
    add("--study-name", metavar="NAME", help="name of the study in the storage")
    add("--trial-id", type=at_least(0), metavar="N", help="train with the hyperparameters of this trial (default: the best one)")
    return parser


def _interval(text: str) -> int:
    steps = int(text)
    if steps == 0:
        raise argparse.ArgumentTypeError("0: give a number of steps, or a negative number for none")
    return steps


_interval.__name__ = "int"  # argparse uses this name in its message for text that is not a number


def _minutes(text: str) -> float:
    minutes = float(text)
    if not minutes > 0:
        raise argparse.ArgumentTypeError(f"a number above 0 is needed, not {text}")
    return minutes


_minutes.__name__ = "float"


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"true or false, not {text!r}")
    return text.lower() == "true"


def start(arguments: argparse.Namespace, recorded: Path | None = None, see_hash: Callable[[Link], None] | None = None) -> Manager:
    """Checks the arguments, seeds the random generators and makes the ``Manager`` of the training."""
    arguments.env, modules = split_env_id(arguments.env)
    arguments.gym_packages = [*modules, *arguments.gym_packages]
    _check(arguments)
    if arguments.seed is None:
        arguments.seed = int(np.random.default_rng().integers(2**32 - 1))
    set_random_seed(arguments.seed)
    if arguments.num_threads > 0:
        th.set_num_threads(arguments.num_threads)
    arguments.quiet |= arguments.verbose == 0
    arguments.progress |= not (arguments.quiet or arguments.verbose)
    if arguments.quiet:
        logging.getLogger("ca2_rl").setLevel(logging.WARNING)
    if arguments.verbose:
        print("=" * 10, arguments.env, "=" * 10)
        print(f"Seed: {arguments.seed}")
    return Manager(arguments, recorded, see_hash)


def config_of(run: Path) -> Path | None:
    """Path of the hyperparameters that a run was trained with; None if there is none."""
    return next(run.glob("*/config.yml"), None)


def _run(arguments: argparse.Namespace, recorded: Path | None = None) -> None:
    manager = start(arguments, recorded)
    tracked = _start_tracking(arguments) if arguments.track else None
    with manager.lock:
        experiment = manager.setup_experiment()
        if experiment is None:
            manager.hyperparameters_optimization()
            return
        model, hyperparams = experiment
        if tracked is not None:
            tracked.config.setdefaults(vars(arguments) | {"saved_hyperparams": hyperparams})
        begin, done = time.perf_counter(), model.num_timesteps
        manager.learn(model)
        played = model.num_timesteps - done + _evaluation_steps(manager, done)
        steps_per_second = played / (time.perf_counter() - begin)
        manager.save_trained_model(model)
    is_trusted = arguments.trust or not arguments.resume  # a new run contains only files that this process wrote
    run = read_run(Path(manager.save_path), is_trusted)
    if arguments.final_episodes:
        say(final_evaluation(run, arguments.final_episodes, steps_per_second, arguments.gym_packages, is_trusted))
    if not arguments.quiet:
        say(next_commands(run, arguments.gym_packages))


def _evaluation_steps(manager: Manager, done: int) -> int:
    """Total steps of the evaluations after training step ``done``."""
    evaluations = [callback for callback in manager.callbacks if isinstance(callback, EvalCallback)]
    return sum(
        sum(lengths)
        for evaluation in evaluations
        for step, lengths in zip(evaluation.evaluations_timesteps, evaluation.evaluations_length, strict=True)
        if step > done
    )


def _check(arguments: argparse.Namespace) -> None:
    """Checks that everything the arguments name exists, before anything is made."""
    check_env(arguments.env, arguments.gym_packages)
    for name in ("env_kwargs", "eval_env_kwargs"):
        if given := getattr(arguments, name):
            try_env(arguments.env, given, f"--{name.replace('_', '-')}")
    for is_wanted, package, option in (
        (arguments.track, "wandb", "--track"),
        (arguments.sampler == "auto", "optunahub", "--sampler auto"),
    ):
        if is_wanted and find_spec(package) is None:
            raise UserError(f"{option} needs a package that is not installed: pip install {package}")
    if arguments.trial_id is not None and not (arguments.storage and arguments.study_name):
        raise UserError(f"--trial-id {arguments.trial_id}: give --storage and --study-name as well.")
    done = 0
    if arguments.resume:
        resume.check_algo(Path(arguments.resume), arguments.algo)
    if arguments.trained_agent:
        path = Path(arguments.trained_agent)
        if path.is_dir():
            raise UserError(f"{path}: a folder. Give a zip file that SB3 saved.")
        done = load_agent(arguments.algo, path, trust=arguments.trust).num_timesteps
    if arguments.resume:
        folder = Path(arguments.resume)
        resume.check(folder, arguments.n_timesteps, max(states(folder / resume.STATES), default=done))


def _start_tracking(arguments: argparse.Namespace) -> Any:
    import wandb  # noqa: PLC0415  (an extra)

    name = f"{arguments.env}__{arguments.algo}__{arguments.seed}"
    arguments.tensorboard_log = str(Path("runs", name))
    return wandb.init(
        name=name,
        project=arguments.wandb_project_name,
        entity=arguments.wandb_entity,
        group=arguments.wandb_group,
        tags=[*arguments.wandb_tags, f"v{sb3.__version__}"],
        config=vars(arguments) | {"command": " ".join(sys.orig_argv), "pid": os.getpid()},
        sync_tensorboard=True,
        monitor_gym=True,
        save_code=True,
    )
