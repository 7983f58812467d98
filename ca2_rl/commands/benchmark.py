"""``ca2-rl benchmark``: evaluates all trained agents of a folder in one table."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch as th
from rl_zoo3.utils import get_hf_trained_models
from tqdm import trange

from ca2_core.arguments import Parser, at_least, folder, seed
from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_core.tables import Table
from ca2_rl.commands.agent_options import HUB_FOLDER, LOG_FOLDER, add_package_options, download, one_line_from_hub
from ca2_rl.runs import Run, find_runs, finished, latest_of_each
from ca2_rl.zoo.agents import import_packages, load_agent, make_env, play
from ca2_rl.zoo.plugins import register

COLUMNS = ("algo", "env_id", "mean_reward", "std_reward", "n_timesteps", "eval_timesteps", "eval_episodes")


def main(argv: list[str]) -> None:
    """Plays the latest run of each algorithm and env, prints a table and writes ``benchmark.md``."""
    register()
    parser = Parser(
        prog="ca2-rl benchmark", description="Plays the latest agent of each algorithm and env in a folder; writes benchmark.md."
    )
    parser.add_argument("--log-dir", default=LOG_FOLDER, metavar="FOLDER", help="folder of the runs (default: logs)")
    parser.add_argument(
        "--benchmark-dir", type=folder, default=".", metavar="FOLDER", help="folder for benchmark.md (default: the current one)"
    )
    parser.add_argument(
        "-n", "--n-timesteps", type=at_least(1), default=150_000, metavar="STEPS", help="steps of each agent (default: 150,000)"
    )
    parser.add_argument("--n-envs", type=at_least(1), default=1, metavar="N", help="envs in parallel (default: 1)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of the envs (default: 0)")
    parser.add_argument("--num-threads", type=at_least(1), default=2, metavar="N", help="number of PyTorch threads (default: 2)")
    add_package_options(parser)
    parser.add_argument("--hub", action="store_true", help="include the agents of SB3's organisation on the hub")
    parser.add_argument("--test-mode", action="store_true", help="play only one agent")
    for flag in ("--no-hub", "--with-mujoco"):  # rl-zoo3's options; always on here
        parser.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if not Path(arguments.log_dir).is_dir():
        raise UserError(f"{arguments.log_dir}: no such folder. Give the folder of the trained agents with --log-dir.")
    runs = latest_of_each(finished(find_runs([arguments.log_dir])))
    if arguments.hub:
        with one_line_from_hub():
            for algo, env_id in get_hf_trained_models().values():
                if (algo, env_id) not in {(run.algo, run.env_id) for run in runs}:
                    download(algo, env_id, 1)
        runs = latest_of_each([*finished(find_runs([HUB_FOLDER])), *runs])
    th.set_num_threads(arguments.num_threads)
    rows, failures = [], []
    for run in runs[:1] if arguments.test_mode else runs:
        try:
            rows.append(_play(run, arguments))
        except UserError as error:  # a failing agent should not stop the others
            failures.append(str(error))
            print(f"left out: {error}")
    if not rows:
        raise UserError(f"{arguments.log_dir}: none of its {len(runs)} agents could be played. First error: {failures[0]}")
    table = Table(COLUMNS, rows, texts=2).markdown() + "\n"
    print(table)
    with whole_file(Path(arguments.benchmark_dir, "benchmark.md")) as partial:
        partial.write_text(f"# Returns of trained agents, one run each\n\n{table}", encoding="utf-8")
    print(f"Written to {Path(arguments.benchmark_dir, 'benchmark.md')}")


def _play(run: Run, arguments: Any) -> list[str]:
    import_packages(run, arguments.gym_packages, arguments.trust)
    agent = load_agent(run.algo, run.model_path, trust=arguments.trust)
    env = make_env(run, n_envs=arguments.n_envs, seed=arguments.seed, trust=arguments.trust)
    returns = []
    steps = -(-arguments.n_timesteps // env.num_envs)
    bar = trange(steps, desc=f"{run.algo}, {run.env_id}", unit="step", leave=False, disable=None)
    for _, (_, _, infos) in zip(bar, play(agent, env), strict=False):
        returns += [float(info["episode"]["r"]) for info in infos if "episode" in info]
    env.close()
    if not returns:
        raise UserError(f"{run.folder}: no episode ended within {arguments.n_timesteps:,} steps. Raise -n.")
    means = [f"{np.mean(returns):.3f}", f"{np.std(returns):.3f}"]
    return [run.algo, run.env_id, *means, f"{agent.num_timesteps:,}", f"{steps * env.num_envs:,}", str(len(returns))]
