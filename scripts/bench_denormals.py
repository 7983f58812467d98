"""What denormal numbers cost a training on this processor: the agents with their shipped Pendulum settings, with and without flushing.

    python scripts/bench_denormals.py && python scripts/tables.py

CPU seconds in one thread, without compiling; both ways by turns, with the same seeds.
"""

import argparse
import json
import os
import platform
import shlex
import sys
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from publishing import save

from ca2_rl.studies.conditions import cpu_name
from ca2_rl.studies.jobs import Job, Variant
from ca2_rl.studies.overview import OURS
from ca2_rl.studies.settings import shipped
from ca2_rl.studies.training import Evaluations, train

NUMBERS = Path(__file__).parents[1] / "docs" / "rl" / "denormals.json"
PACKAGES = ("stable-baselines3", "gymnasium", "torch", "numpy")


def measure(job: Job, evaluations: Evaluations, keeps: bool) -> dict[str, float]:
    """One training.

    :param keeps: whether denormals are left as they are
    """
    with patch("ca2_rl.fast.accelerator.flushed_denormals", nullcontext) if keeps else nullcontext():
        record = train(job, evaluations)
    return {"seconds": record["train_seconds"] - record["compile_seconds"], "regret": record["regret"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="(3)")
    parser.add_argument("--steps", type=int, default=20_000, help="(20000)")
    arguments = parser.parse_args()
    evaluations = Evaluations.sample()
    rows = []
    for algo, label in OURS.items():
        runs: dict[str, list[dict[str, float]]] = {"flushed": [], "kept": []}
        for seed in range(arguments.seeds):
            for way, measured in runs.items():
                job = Job(Variant(label, algo, shipped(algo)), seed, arguments.steps)
                measured.append(measure(job, evaluations, keeps=way == "kept"))
        ratios = [kept["seconds"] / flushed["seconds"] for flushed, kept in zip(runs["flushed"], runs["kept"], strict=True)]
        row = {"agent": label, "ratio": {"median": median(ratios), "least": min(ratios), "most": max(ratios)}, "runs": runs}
        print(json.dumps(row), flush=True)
        rows.append(row)
    content: dict[str, Any] = {
        "command": shlex.join(["python", "scripts/bench_denormals.py", *sys.argv[1:]]),
        "versions": {"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "steps": arguments.steps,
        "rows": rows,
    }
    save(content, NUMBERS)


if __name__ == "__main__":
    main()
