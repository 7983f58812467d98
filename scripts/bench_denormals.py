"""What denormal numbers cost a training on this processor: the agents with their shipped Pendulum settings, with and without flushing.

    python scripts/bench_denormals.py && python scripts/tables.py

CPU seconds in one thread, without compiling; both ways by turns, with the same seeds.
"""

import json
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

from publishing import DOCS, origin, parser, save, spread
from rl_reports import EVALUATION, OURS, PENDULUM

from ca2_core.study.cases import Case
from ca2_core.study.file import Section
from ca2_rl.study.spec import make_benches, make_study
from ca2_rl.study.training import Bench, train

PACKAGES = ("stable-baselines3", "gymnasium", "torch", "numpy")


def measure(case: Case, seed: int, bench: Bench, keeps: bool) -> dict[str, float]:
    """One training.

    :param keeps: whether denormals are left as they are
    """
    with patch("ca2_rl.fast.accelerator.flushed_denormals", nullcontext) if keeps else nullcontext():
        record = train(case.settings, seed, bench)
    return {"seconds": record["train_seconds"] - record["compile_seconds"], "regret": record["regret"]}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=3, help="(3)")
    options.add_argument("--steps", type=int, default=20_000, help="(20000)")
    arguments = options.parse_args()
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
        rows.append({"agent": case.variant, "ratio": spread(ratios), "runs": runs})
        print(json.dumps(rows[-1]), flush=True)
    save(origin(PACKAGES) | {"steps": arguments.steps, "rows": rows}, DOCS / "rl" / "denormals.json")


if __name__ == "__main__":
    main()
