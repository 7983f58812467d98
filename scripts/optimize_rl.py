"""``ca2-rl optimize`` for our agents on Pendulum-v1, kept in docs/rl/optimize.json: does it find better settings than those shipped?

The best trial of each and the shipped settings are retrained, on seeds and starts of no other study. A call that was stopped goes on.
"""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from publishing import DOCS, ROOT, as_command, command, fill_tables, parser, save
from rl_reports import EVALUATION, OURS, PENDULUM, study_content

from ca2_core.errors import UserError
from ca2_core.study.cases import Study, jobs_of
from ca2_core.study.command import gather
from ca2_core.study.conditions import machine, versions
from ca2_core.study.file import Section
from ca2_core.study.runner import run
from ca2_core.study.store import Store
from ca2_rl.commands.study import PACKAGES
from ca2_rl.study.hyperparams import shipped
from ca2_rl.study.spec import make_benches, make_study
from ca2_rl.study.training import train
from ca2_rl.zoo.plugins import register

FIRST_SEED = 1000
FIRST_START = 30_000  # seed of the first start of the last evaluations; the others' are from 40,000 on
KEPT = ("variant", "task", "seed", "cpu", "regret", "train_seconds", "error")
EPISODES = 100  # of each evaluation of a trial
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)  # not those that were interrupted


def search(algo: str, trials: int, processes: int, folder: Path) -> tuple[str, optuna.Study]:
    """The command of the search and the study that it left; makes the trials that are missing."""
    storage = f"sqlite:///{folder}/{algo}.db"
    options = f"-n {shipped(algo, PENDULUM)['n_timesteps']:.0f} --eval-episodes {EPISODES} --n-eval-envs 20 --max-total-trials {trials}"
    call = f"ca2-rl optimize --algo {algo} --env {PENDULUM} {options} --study-name {algo}"
    argv = [sys.executable, "-m", "ca2_rl", *call.split()[1:], "--storage", storage, "--log-folder", str(folder / "logs")]
    running = [subprocess.Popen([*argv, "--seed", str(FIRST_SEED + number)]) for number in range(processes)]
    codes = [process.wait() for process in running]
    if any(codes):
        raise UserError(f"stopped: {call}")
    return call, optuna.load_study(study_name=algo, storage=storage)


def candidates(algo: str, study: optuna.Study) -> dict[str, dict[str, Any]]:
    """The agent as shipped and as in the best trial, by label."""
    best, ours = study.best_trial, shipped(algo, PENDULUM)
    found = {"shipped": ours, f"trial {best.number}": ours | register()[algo].converter(best.params)}
    return {f"{OURS[algo]}, {name}": {"algo": algo, "base": "none"} | hyperparams for name, hyperparams in found.items()}


def retraining(searches: dict[str, tuple[str, optuna.Study]], seeds: int) -> Study:
    """The study of all candidates, with seeds and starts of no other study."""
    variants = {label: values for algo, (_, search) in searches.items() for label, values in candidates(algo, search).items()}
    content = study_content("The best trial of each search, retrained", list(range(FIRST_SEED, FIRST_SEED + seeds)), variants)
    content["evaluation"] = EVALUATION | {"seed": FIRST_START}
    return make_study(Section(content, "optimize"), "optimize", ROOT)


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
    options = parser(__doc__)
    options.add_argument("--trials", type=int, default=30, metavar="N", help="of each agent (default: 30)")
    options.add_argument("--seeds", type=int, default=10, metavar="N", help="of each setting that is retrained (default: 10)")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="trainings at a time (default: one a core)")
    arguments = options.parse_args()
    folder = ROOT / "studies" / "optimize"
    folder.mkdir(parents=True, exist_ok=True)

    searches = {algo: search(algo, arguments.trials, arguments.jobs, folder) for algo in OURS}
    study = retraining(searches, arguments.seeds)
    store = Store(folder / "jobs", versions(PACKAGES))
    jobs = jobs_of(study.cases, study.seeds)
    run(jobs, train, store, arguments.jobs, benches=make_benches(study.cases, "optimize"))

    gathered = gather(study, store, command(), machine(arguments.jobs)).content
    content = gathered | {
        "versions": gathered["versions"] | {"optuna": version("optuna")},
        "searches": {
            algo: {"command": call, "trials": [kept(trial) for trial in found.trials if trial.state in COUNTED]}
            for algo, (call, found) in searches.items()
        },
        "records": [{name: record[name] for name in KEPT if name in record} for record in gathered["records"]],
    }
    save(content, DOCS / "rl" / "optimize.json")
    fill_tables()


if __name__ == "__main__":
    as_command(main)
