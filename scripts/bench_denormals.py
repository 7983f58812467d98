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
from rl_reports import EVALUATION, OURS, PENDULUM

from ca2_core.study.cases import Case
from ca2_core.study.conditions import cpu_name
from ca2_core.study.file import Section
from ca2_rl.study.spec import make_benches, make_study
from ca2_rl.study.training import Bench, train

NUMBERS = Path(__file__).parents[1] / "docs" / "rl" / "denormals.json"
PACKAGES = ("stable-baselines3", "gymnasium", "torch", "numpy")


def measure(case: Case, seed: int, bench: Bench, keeps: bool) -> dict[str, float]:
    """One training.

    :param keeps: whether denormals are left as they are
    """
    with patch("ca2_rl.fast.accelerator.flushed_denormals", nullcontext) if keeps else nullcontext():
        record = train(case.settings, seed, bench)
    return {"seconds": record["train_seconds"] - record["compile_seconds"], "regret": record["regret"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="(3)")
    parser.add_argument("--steps", type=int, default=20_000, help="(20000)")
    arguments = parser.parse_args()
    content = {
        "n_timesteps": arguments.steps,
        "evaluation": EVALUATION,
        "environments": {PENDULUM: {}},
        "variants": {label: {"algo": algo} for algo, label in OURS.items()},
    }
    study = make_study(Section(content, "denormals"), "denormals", Path())
    benches = make_benches(study.cases, "denormals")
    rows = []
    for case in study.cases:
        runs: dict[str, list[dict[str, float]]] = {"flushed": [], "kept": []}
        for seed in range(arguments.seeds):
            for way, measured in runs.items():
                measured.append(measure(case, seed, benches[case.bench], keeps=way == "kept"))
        ratios = [kept["seconds"] / flushed["seconds"] for flushed, kept in zip(runs["flushed"], runs["kept"], strict=True)]
        row = {"agent": case.variant, "ratio": {"median": median(ratios), "least": min(ratios), "most": max(ratios)}, "runs": runs}
        print(json.dumps(row), flush=True)
        rows.append(row)
    measurements: dict[str, Any] = {
        "command": shlex.join(["python", "scripts/bench_denormals.py", *sys.argv[1:]]),
        "versions": {"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "steps": arguments.steps,
        "rows": rows,
    }
    save(measurements, NUMBERS)


if __name__ == "__main__":
    main()
