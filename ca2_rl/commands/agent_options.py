"""Options that select a saved agent and its env, with rl-zoo3's names and meanings."""

import argparse
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch as th
from huggingface_hub import constants
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    HFValidationError,
    HTTPError,  # that of the HTTP library which huggingface_hub uses
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
)
from huggingface_sb3 import EnvironmentName
from rl_zoo3.exp_manager import ExperimentManager
from rl_zoo3.load_from_hub import download_from_hub
from rl_zoo3.utils import ALGOS, get_latest_run_id
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv

from ca2_core.arguments import Parser, at_least, seed
from ca2_core.errors import UserError, did_you_mean
from ca2_rl.arguments import Named
from ca2_rl.environments import check_env, split_env_id, try_env
from ca2_rl.zoo.agents import find_agent, import_packages, load_agent, make_env
from ca2_rl.zoo.plugins import TRAINED_AGENTS, register

LOG_FOLDER = "logs"
# Folder for agents downloaded from SB3's organisation on the hub
HUB_FOLDER = "rl-trained-agents"
TRUST = "let loaded files run code, as SB3's load does; only for files from a source that you trust (see SECURITY.md)"


def known_algorithm(name: str) -> str:
    """Type of ``--algo``: a name in rl-zoo3's ``ALGOS``."""
    if name not in ALGOS:
        raise argparse.ArgumentTypeError(f"no algorithm {name!r}.{did_you_mean(name, ALGOS)} There are {', '.join(ALGOS)}")
    return name


def device(name: str) -> str:
    """Type of ``--device``."""
    try:
        found = th.device("cpu" if name == "auto" else name)
    except RuntimeError:
        found = None
    if found is None or found.type not in ("cpu", "cuda", "mps", "xpu"):
        raise argparse.ArgumentTypeError(f"{name}: give auto, cpu, cuda, cuda:1 or mps")
    if found.type == "cuda" and not th.cuda.is_available():
        raise argparse.ArgumentTypeError(f"{name}: PyTorch finds no GPU on this machine; give auto or cpu")
    return name


def add_package_options(parser: Parser) -> None:
    """Adds the options about foreign code: packages that register envs, and code in a run's files."""
    parser.add_argument("--gym-packages", nargs="+", default=[], metavar="PACKAGE", help="import these packages, which register envs")
    parser.add_argument("--trust", action="store_true", help=TRUST)


def add_env_options(parser: Parser) -> None:
    """Adds the options that select the algorithm and the env."""
    parser.add_argument("--algo", type=known_algorithm, default="ppo", metavar="NAME", help="algorithm (default: ppo): " + ", ".join(ALGOS))
    parser.add_argument("--env", default="CartPole-v1", metavar="ID", help="environment id, or module:id (default: CartPole-v1)")
    add_package_options(parser)
    parser.add_argument("--env-kwargs", nargs="+", action=Named, default={}, metavar="NAME:VALUE", help="arguments of the env")


def add_agent_options(parser: Parser) -> None:
    """Adds the options that select a saved agent and decide how it plays."""
    add_env_options(parser)
    parser.add_argument("-f", "--folder", metavar="FOLDER", help="folder of the runs (default: logs, then the shipped agents)")
    parser.add_argument(
        "--exp-id", type=at_least(-1), default=0, metavar="N", help="number of the run (default: 0, the latest; -1: no run folder)"
    )
    parser.add_argument("--load-best", action="store_true", help="load the best model instead of the last")
    parser.add_argument("--load-checkpoint", type=at_least(0), metavar="STEPS", help="load the checkpoint after this many steps")
    parser.add_argument("--load-last-checkpoint", action="store_true", help="load the last checkpoint")
    parser.add_argument("-n", "--n-timesteps", type=at_least(1), default=1000, metavar="STEPS", help="steps to play (default: 1000)")
    parser.add_argument("--n-envs", type=at_least(1), default=1, metavar="N", help="envs in parallel (default: 1)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--deterministic", action="store_true", help="act without exploration (default, except on Atari and MiniGrid)")
    how.add_argument("--stochastic", action="store_true", help="act as in training, with exploration")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of the envs and of the exploration (default: 0)")
    parser.add_argument("--device", type=device, default="auto", help="PyTorch device (default: auto)")
    parser.add_argument("--num-threads", type=at_least(1), metavar="N", help="number of PyTorch threads")
    parser.add_argument("--no-render", action="store_true", help="play without rendering")
    parser.add_argument("--custom-objects", action="store_true", help=argparse.SUPPRESS)  # rl-zoo3's option; always on here


class Playing:
    """The agent and the env that the options of ``add_agent_options`` select.

    :param arguments: the parsed options; a missing ``folder`` is filled in
    :raises UserError: if there is no such agent or env
    """

    def __init__(self, arguments: argparse.Namespace):
        env_id, packages = split_env_id(arguments.env)
        packages += arguments.gym_packages
        if arguments.folder is None:
            arguments.folder = _folder_of(arguments.algo, env_id)
        which = arguments.exp_id, arguments.load_best, arguments.load_checkpoint, arguments.load_last_checkpoint
        try:
            self.run, self.model_path = find_agent(arguments.algo, env_id, arguments.folder, *which)
        except UserError:
            check_env(env_id, packages)  # a mistyped id gets the more helpful error
            if arguments.folder != HUB_FOLDER or arguments.algo in register():
                raise
            download(arguments.algo, env_id, arguments.exp_id)
            self.run, self.model_path = find_agent(arguments.algo, env_id, arguments.folder, *which)
        import_packages(self.run, packages, arguments.trust)
        set_random_seed(arguments.seed)
        if arguments.num_threads:
            th.set_num_threads(arguments.num_threads)
        if arguments.env_kwargs:
            try_env(env_id, arguments.env_kwargs)
        is_stochastic = ExperimentManager.is_atari(env_id) or ExperimentManager.is_minigrid(env_id)  # as rl-zoo3 does
        self.deterministic = arguments.deterministic or not (arguments.stochastic or is_stochastic)
        self._arguments = arguments

    def load(self) -> BaseAlgorithm:
        """Loads the agent for prediction.

        :raises UserError: if the agent can't be loaded
        """
        agent = load_agent(self._arguments.algo, self.model_path, device=self._arguments.device, trust=self._arguments.trust)
        agent.set_random_seed(self._arguments.seed)
        return agent

    def make_env(self, render_mode: str | None, **options: Any) -> VecEnv:
        """Makes the envs to play in; see ``zoo.agents.make_env`` for the options."""
        arguments = self._arguments
        env_kwargs = ({"render_mode": render_mode} if render_mode else {}) | arguments.env_kwargs
        return make_env(self.run, n_envs=arguments.n_envs, seed=arguments.seed, env_kwargs=env_kwargs, trust=arguments.trust, **options)


def _folder_of(algo: str, env_id: str) -> str:
    for folder in (LOG_FOLDER, str(TRAINED_AGENTS)):
        if get_latest_run_id(f"{folder}/{algo}", EnvironmentName(env_id)) > 0:
            return folder
    return LOG_FOLDER if algo in register() else HUB_FOLDER


def download(algo: str, env_id: str, number: int) -> None:
    """Downloads an agent of SB3's organisation on the hub into ``HUB_FOLDER``."""
    before = os.environ.get("TRUST_REMOTE_CODE")
    os.environ["TRUST_REMOTE_CODE"] = "True"  # rl-zoo3 requires it for the download; our loader does not run code from the files
    try:
        with one_line_from_hub():
            download_from_hub(algo, EnvironmentName(env_id), number, HUB_FOLDER, "sb3", None)
    finally:
        if before is None:
            del os.environ["TRUST_REMOTE_CODE"]
        else:
            os.environ["TRUST_REMOTE_CODE"] = before


@contextmanager
def one_line_from_hub() -> Iterator[None]:
    """Turns errors of the Hugging Face hub and of the connection into a ``UserError``."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # hides its message about each retry
    try:
        yield
    except (HTTPError, HFValidationError, LocalTokenNotFoundError, LocalEntryNotFoundError) as error:
        raise UserError(f"the hub {constants.ENDPOINT}: {error}") from error


def has_display() -> bool:
    """Whether a window can be opened."""
    return sys.platform != "linux" or bool({"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"} & os.environ.keys())
