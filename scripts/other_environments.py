"""The agents on the other environments that they have shipped hyperparameters for, beside SB3's DQN with the zoo's on CartPole.

Kept in docs/rl/environments.json. A training is a call of ``ca2-rl train``; its last model is judged by ``ca2-rl evaluate``. A call
that was stopped goes on.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed, parallel_config
from publishing import as_command, fill_tables, save
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_rl.studies.conditions import machine, versions
from ca2_rl.studies.overview import OURS
from ca2_rl.studies.settings import of_the_zoo, shipped
from ca2_rl.studies.training import core_seconds

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "docs" / "rl" / "environments.json"
FOLDER = ROOT / "studies" / "environments"
AGENTS = {
    "CartPole-v1": ("discretizeddqn", "noisydqn", "dqn"),
    "Acrobot-v1": ("discretizeddqn", "noisydqn"),
    "MountainCarContinuous-v0": ("discretizeddqn", "noisydqn", "ouddpg"),
}
EPISODES, FIRST_START = 100, 10_000  # the seeds of the episodes are none of the trainings'


def settings(algo: str, env_id: str) -> dict[str, Any]:
    """What ``ca2-rl train`` takes for it."""
    return shipped(algo, env_id) if algo in OURS else of_the_zoo(algo, env_id)


def measured(algo: str, env_id: str, seed: int) -> dict[str, Any]:
    """One training, or what is on the disk of it.

    :raises UserError: if a command fails or is stopped
    """
    path = FOLDER / f"{algo}-{env_id}-{seed}.json"
    known = {"algo": algo, "env": env_id, "seed": seed, "hyperparams": settings(algo, env_id), "versions": versions()}
    if path.is_file():
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if known.items() <= record.items():
            return record
    logs, evaluation = path.with_suffix(""), path.with_suffix(".evaluation.json")
    shutil.rmtree(logs, ignore_errors=True)
    began = core_seconds()
    ca2_rl(
        "train", "--algo", algo, "--env", env_id, "--seed", str(seed), "-f", str(logs), "--eval-freq", "-1", "--final-episodes", "0", "-q"
    )
    seconds = core_seconds() - began
    ca2_rl("evaluate", str(logs), "--episodes", str(EPISODES), "--seed", str(FIRST_START), "--json", str(evaluation))
    summary = json.loads(evaluation.read_text(encoding="utf-8"))["summary"][0]
    record = known | {"seconds": round(seconds, 1), "return": round(summary["return"]["mean"], 2)}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(record) + "\n", encoding="utf-8")
    return record


def ca2_rl(*argv: str) -> None:
    done = subprocess.run([sys.executable, "-m", "ca2_rl", *argv], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"ca2-rl {shlex.join(argv)}: {(done.stderr.strip().splitlines() or ['stopped'])[-1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="of each agent (default: 10)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="trainings at a time (default: one a core)")
    arguments = parser.parse_args()
    jobs = [(algo, env_id, seed) for env_id, algos in AGENTS.items() for algo in algos for seed in range(arguments.seeds)]
    with parallel_config(backend="loky", n_jobs=arguments.jobs, inner_max_num_threads=1):
        parallel = Parallel(return_as="generator", batch_size=1)
        records = list(tqdm(parallel(delayed(measured)(*job) for job in jobs), total=len(jobs), unit="training"))
    content = {
        "command": shlex.join(["python", "scripts/other_environments.py", *sys.argv[1:]]),
        "versions": versions(),
        "machine": machine(arguments.jobs),
        "episodes": EPISODES,
        "records": [{name: value for name, value in record.items() if name != "versions"} for record in records],
    }
    save(content, RESULT)
    fill_tables()


if __name__ == "__main__":
    as_command(main)
