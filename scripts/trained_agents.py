"""Trains the three agents on Pendulum-v1 with the shipped hyperparameters and puts those of seed 0 into rl-trained-agents/.

All runs stay in logs/published, for ``pictures_rl.py``.
"""

import os
import shutil
from pathlib import Path

from publishing import ROOT
from rl_reports import OURS

from ca2_rl.cli import COMMAND
from ca2_rl.runs import find_runs

LOGS = Path("logs", "published")  # relative: it is kept in args.yml
SEEDS = range(3)


def main() -> None:
    os.chdir(ROOT)
    shutil.rmtree(LOGS, ignore_errors=True)
    for algo in OURS:
        for seed in SEEDS:
            COMMAND.run(f"train --algo {algo} --env Pendulum-v1 --seed {seed} -f {LOGS} --eval-freq -1 --final-episodes 0 -q".split())
    for run in find_runs([LOGS]):
        if run.seed == 0:
            target = Path("rl-trained-agents", run.algo, f"{run.env_id}_1")
            shutil.rmtree(target, ignore_errors=True)
            (target / run.env_id).mkdir(parents=True)
            for path in (run.model_path, run.params_folder / "args.yml", run.params_folder / "config.yml"):
                shutil.copy(path, target / path.relative_to(run.folder))


if __name__ == "__main__":
    main()
