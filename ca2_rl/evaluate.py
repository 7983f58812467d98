"""``ca2-rl evaluate``: measures the return of trained agents, and their regret where the optimum is known."""

import shlex
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ca2_core.arguments import Parser, at_least, seed
from ca2_core.errors import UserError
from ca2_core.files import write_json
from ca2_core.statistics import iqm, iqm_interval
from ca2_core.tables import Table
from ca2_rl.commands.agent_options import add_package_options
from ca2_rl.optimum import has_optimum, optimal_returns
from ca2_rl.runs import Run, find_runs, finished, usable
from ca2_rl.zoo.agents import first_episodes, import_packages, load_agent, make_env
from ca2_rl.zoo.plugins import register

# Envs that are stepped together
CHUNK = 100


@dataclass(frozen=True)
class Evaluation:
    """Results of an agent in each episode.

    :param returns: return of each episode, [episodes]
    :param regrets: optimal return from the episode's initial state minus its return, [episodes]; None where the optimum is unknown
    :param lengths: steps of each episode, [episodes]
    """

    run: Run
    returns: np.ndarray
    regrets: np.ndarray | None
    lengths: np.ndarray


def evaluate(
    run: Run, episodes: int, seed: int = 0, *, packages: Sequence[str] = (), trust: bool = False, computes_optimum: bool = True
) -> Evaluation:
    """Plays one deterministic episode in each of ``episodes`` envs, whose seeds are ``seed``, ``seed + 1``, ...

    The same seed gives every agent the same initial states. With one episode per env, short episodes get no more weight than long ones.

    :param run: a finished training
    :param episodes: number of episodes, > 0
    :param seed: seed of the first env
    :param packages: packages to import because they register envs
    :param trust: whether the run's files may run code, and the packages that they name are imported
    :param computes_optimum: whether to compute an optimum that is not cached; if not, the regrets are None
    :raises UserError: if the run has no model, or the model can't be loaded
    """
    import_packages(run, packages, trust)
    agent = load_agent(run.algo, run.model_path, trust=trust)
    played: list[tuple[float, int]] = []
    optima: list[float] = []
    for first in tqdm(range(0, episodes, CHUNK), desc=str(run.folder), unit_scale=CHUNK, unit="episode", leave=False, disable=None):
        env = make_env(run, n_envs=min(CHUNK, episodes - first), seed=seed + first, trust=trust)
        observations = env.reset()
        if (best := optimal_returns(env, computes_optimum)) is not None:
            optima += best.tolist()
        played += first_episodes(agent, env, observations)
        env.close()
    returns, lengths = np.array(played).T
    return Evaluation(run, returns, np.array(optima) - returns if optima else None, lengths.astype(int))


def summary(scores: np.ndarray) -> dict[str, Any]:
    """Mean, standard deviation, interquartile mean and its 95 % bootstrap interval (None for a single score)."""
    return {"mean": float(scores.mean()), "std": float(scores.std()), "iqm": iqm(scores), "iqm_95": iqm_interval(scores)}


def summarize(evaluations: list[Evaluation]) -> list[dict[str, Any]]:
    """One record per run, over its episodes, then one per algorithm and env with several runs, over the runs' means."""
    records = []
    groups: dict[tuple[str, str], list[Evaluation]] = defaultdict(list)
    for evaluation in evaluations:
        run = evaluation.run
        groups[run.algo, run.env_id].append(evaluation)
        records.append(
            {
                "run": str(run.folder),
                "algo": run.algo,
                "env": run.env_id,
                "seed": run.seed,
                "episodes": len(evaluation.returns),
                "return": summary(evaluation.returns),
                "regret": None if evaluation.regrets is None else summary(evaluation.regrets),
            }
        )
    for (algo, env_id), group in groups.items():
        if len(group) > 1:
            regrets = [evaluation.regrets.mean() for evaluation in group if evaluation.regrets is not None]
            records.append(
                {
                    "algo": algo,
                    "env": env_id,
                    "runs": len(group),
                    "return": summary(np.array([evaluation.returns.mean() for evaluation in group])),
                    "regret": summary(np.array(regrets)) if regrets else None,
                }
            )
    return records


def print_summary(records: list[dict[str, Any]]) -> None:
    """Prints the records of ``summarize`` as a table, with regrets if there are any."""
    has_regrets = any(record["regret"] for record in records)
    header = ["run", "return", "std", "IQM", "95 % of IQM"]
    rows = []
    for record in records:
        label = record.get("run") or f"{record['algo']}, {record['env']}: {record['runs']} runs"
        row = [label, *_cells(record["return"])]
        if has_regrets:
            row += _cells(record["regret"])
        rows.append(row)
    if has_regrets:
        header += ["regret", "std", "IQM", "95 % of IQM"]
    Table(header, rows).print()


def _cells(numbers: dict[str, Any] | None) -> list[str]:
    if numbers is None:
        return ["-"] * 4
    interval = numbers["iqm_95"]
    plain = [f"{numbers[name]:.1f}" for name in ("mean", "std", "iqm")]
    return [*plain, f"[{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "-"]


def main(argv: list[str]) -> None:
    """``ca2-rl evaluate``."""
    parser = Parser(
        prog="ca2-rl evaluate",
        description="Plays trained agents and prints their return (mean, standard deviation, interquartile mean with its "
        "95 % bootstrap interval), and on Pendulum, MountainCar(Continuous), FrozenLake, CliffWalking and Taxi their regret: the optimal "
        "return from the same initial states minus the agent's. "
        "With several runs of an algorithm on an env, a further row counts each run's mean as one score.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folders of `ca2-rl train`, or folders that contain them")
    parser.add_argument("--episodes", type=at_least(1), help="episodes for each agent (default: 500 where the optimum is known, else 100)")
    parser.add_argument("--seed", type=seed, default=0, help="seed of the first episode; the next one has seed + 1 (default: 0)")
    add_package_options(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers and all returns to this file")
    arguments = parser.parse_args(argv)
    if arguments.json and arguments.json.is_dir():
        raise UserError(f"--json {arguments.json}: a folder; give the name of a file.")
    register()
    evaluations = [
        evaluate(
            run,
            arguments.episodes or (500 if has_optimum(run.env_id) else 100),
            arguments.seed,
            packages=arguments.gym_packages,
            trust=arguments.trust,
        )
        for run in usable(finished(find_runs(arguments.runs)), lambda run: import_packages(run, arguments.gym_packages, arguments.trust))
    ]
    records = summarize(evaluations)
    print_summary(records)
    if arguments.json:
        _write_json(arguments.json, arguments, records, evaluations)
        print(f"Written to {arguments.json}")


def _write_json(path: Path, arguments: Any, records: list[dict[str, Any]], evaluations: list[Evaluation]) -> None:
    content = {
        "command": shlex.join(["ca2-rl", *sys.argv[1:]]),
        "versions": {name: version(name) for name in ("ca2", "stable-baselines3", "gymnasium", "torch", "numpy")},
        "seed": arguments.seed,
        "summary": records,
        "episodes": {
            str(evaluation.run.folder): {
                "returns": evaluation.returns.tolist(),
                "regrets": None if evaluation.regrets is None else evaluation.regrets.tolist(),
            }
            for evaluation in evaluations
        },
    }
    write_json(path, content)
