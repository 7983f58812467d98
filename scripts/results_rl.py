"""Trains the agents with the shipped hyperparameters, 10 seeds each, and writes what they reach to docs/rl/results.json.

A run that is in the file already is not repeated, so an interrupted benchmark goes on where it was.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from ca2_rl.files import whole_file
from ca2_rl.studies.conditions import cpu_name

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "rl" / "results.json"
ALGOS = ("discretizeddqn", "noisydqn", "ouddpg")
PACKAGES = ("stable-baselines3", "rl-zoo3", "gymnasium", "torch", "numpy")
# Not the starts that the hyperparameters were chosen on
EVALUATION_SEED = 10_000


def ca2_rl(*arguments: object) -> str:
    """Runs a command without a word; what it printed is the message of the error if it fails."""
    done = subprocess.run([sys.executable, "-m", "ca2_rl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(done.args)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def measure(algo: str, env: str, seed: int, folder: Path) -> dict[str, Any]:
    """Trains one agent and evaluates its last model."""
    logs = folder / f"{algo}-{env}-{seed}"
    begin = time.perf_counter()
    ca2_rl("train", "--algo", algo, "--env", env, "--seed", seed, "-f", logs, "--eval-freq", -1, "--verbose", 0)
    seconds = time.perf_counter() - begin
    result = logs / "result.json"
    ca2_rl("evaluate", logs, "--seed", EVALUATION_SEED, "--json", result)
    summary = json.loads(result.read_text(encoding="utf-8"))["summary"][0]
    regret = summary["regret"]["mean"] if summary["regret"] else None
    return {
        "algo": algo,
        "env": env,
        "seed": seed,
        "episodes": summary["episodes"],
        "return": summary["return"]["mean"],
        "regret": regret,
        "train_seconds": round(seconds, 1),
    }


def shipped() -> list[tuple[str, str, dict[str, Any]]]:
    """Algorithm, env and hyperparameters of every entry of the shipped files."""
    entries = []
    for algo in ALGOS:
        content = yaml.safe_load((ROOT / "hyperparams" / "rl" / f"{algo}.yml").read_text(encoding="utf-8"))
        entries += [(algo, env, values) for env, values in content.items() if env != "default"]
    return entries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="seeds 0, 1, ... of each agent (default: 10)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings at a time (default: one a core)")
    parser.add_argument("--env", nargs="+", help="only these environments")
    parser.add_argument("--logs", type=Path, help="keep the run folders here")
    arguments = parser.parse_args()

    entries = shipped()
    known = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if RESULTS.is_file() else []
    settings = {(algo, env): values for algo, env, values in entries}
    # What was measured with other hyperparameters no longer counts
    runs = [run for run in known if settings.get((run["algo"], run["env"])) == run["hyperparams"]]
    measured = {(run["algo"], run["env"], run["seed"]) for run in runs}
    jobs = [
        (algo, env, seed)
        for seed in range(arguments.seeds)
        for algo, env, _ in entries
        if (algo, env, seed) not in measured and (arguments.env is None or env in arguments.env)
    ]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(measure, *job, arguments.logs or Path(folder)) for job in jobs]
        for future in tqdm(as_completed(futures), total=len(futures), unit="run"):
            run = future.result()
            runs.append(run | {"hyperparams": settings[run["algo"], run["env"]]})
            runs.sort(key=lambda each: (each["env"], each["algo"], each["seed"]))
            content = {
                "command": " ".join(["python scripts/results_rl.py", *sys.argv[1:]]),
                "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
                "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "trainings at a time": arguments.jobs},
                "evaluation_seed": EVALUATION_SEED,
                "runs": runs,
            }
            with whole_file(RESULTS) as partial:
                partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
