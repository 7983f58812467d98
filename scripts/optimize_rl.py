"""``ca2-rl optimize`` for our agents on Pendulum-v1, kept in docs/rl/optimize.json: does it find better settings than those shipped?

The best trial of each and the shipped settings are trained anew, on seeds and starts of no other study. A call that was stopped goes on.
"""

import argparse
import os
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from publishing import as_command, fill_tables, save

from ca2_core.errors import UserError
from ca2_rl.optimum import PendulumOptimum
from ca2_rl.studies.conditions import machine, versions
from ca2_rl.studies.jobs import Variant, plan, read_records
from ca2_rl.studies.overview import OURS
from ca2_rl.studies.runner import run
from ca2_rl.studies.settings import PENDULUM, shipped
from ca2_rl.studies.training import CURVE_STARTS, FINAL_STARTS, Evaluations, Starts
from ca2_rl.zoo.plugins import register

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "docs" / "rl" / "optimize.json"
FIRST_SEED = 1000
CURVE_SEED, FINAL_SEED = 40_000, 30_000  # of the starts
EPISODES = 100  # of each evaluation of a trial
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)  # not those that were interrupted


def search(algo: str, trials: int, processes: int, folder: Path) -> tuple[str, optuna.Study]:
    """The command of the search and the study that it left; makes the trials that are missing."""
    storage = f"sqlite:///{folder}/{algo}.db"
    options = f"-n {shipped(algo)['n_timesteps']:.0f} --eval-episodes {EPISODES} --n-eval-envs 20 --max-total-trials {trials}"
    command = f"ca2-rl optimize --algo {algo} --env {PENDULUM} {options} --study-name {algo}"
    argv = [sys.executable, "-m", "ca2_rl", *command.split()[1:], "--storage", storage, "--log-folder", str(folder / "logs")]
    running = [subprocess.Popen([*argv, "--seed", str(FIRST_SEED + number)]) for number in range(processes)]
    codes = [process.wait() for process in running]
    if any(codes):
        raise UserError(f"stopped: {command}")
    return command, optuna.load_study(study_name=algo, storage=storage)


def candidates(algo: str, study: optuna.Study) -> list[Variant]:
    """The agent as shipped and as in the best trial."""
    best = study.best_trial
    found = shipped(algo) | register()[algo].converter(best.params)
    return [
        Variant(f"{OURS[algo]}, {name}", algo, hyperparams, {"algo": algo, "settings": name})
        for name, hyperparams in {"shipped": shipped(algo), f"trial {best.number}": found}.items()
    ]


def evaluations() -> Evaluations:
    """Starts that are not those of the studies."""
    optimum = PendulumOptimum()
    return Evaluations(Starts.sample(CURVE_STARTS, CURVE_SEED, optimum), Starts.sample(FINAL_STARTS, FINAL_SEED, optimum))


def kept(trial: FrozenTrial) -> dict[str, Any]:
    """What stays of a trial."""
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "return": trial.value,
        "returns": list(trial.intermediate_values.values()),
        "params": trial.params,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=30, metavar="N", help="of each agent (default: 30)")
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="of each setting that is trained anew (default: 10)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="trainings at a time (default: one a core)")
    arguments = parser.parse_args()
    folder = ROOT / "studies" / "optimize"
    folder.mkdir(parents=True, exist_ok=True)

    searches = {algo: search(algo, arguments.trials, arguments.jobs, folder) for algo in OURS}
    variants = [variant for algo, (_, study) in searches.items() for variant in candidates(algo, study)]
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.seeds)
    run(plan(variants, seeds), folder / "jobs", arguments.jobs, evaluations=evaluations())

    records = read_records(variants, folder / "jobs")
    content = {
        "command": shlex.join(["python", "scripts/optimize_rl.py", *sys.argv[1:]]),
        "versions": versions() | {"optuna": version("optuna")},
        "machine": machine(arguments.jobs),
        "seeds": list(seeds),
        "searches": {
            algo: {"command": command, "trials": [kept(trial) for trial in study.trials if trial.state in COUNTED]}
            for algo, (command, study) in searches.items()
        },
        "records": [
            {name: record[name] for name in ("label", "tags", "hyperparams", "seed", "regret", "train_seconds", "error") if name in record}
            for record in records
        ],
    }
    save(content, RESULT)
    fill_tables()


if __name__ == "__main__":
    as_command(main)
