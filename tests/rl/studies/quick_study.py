"""``ca2-rl study overview`` with two variants and few starts, as a process that tests can kill."""

import sys
from unittest.mock import patch

from ca2_rl import cli
from ca2_rl.optimum import PendulumOptimum
from ca2_rl.studies import overview, runner
from ca2_rl.studies.jobs import Variant
from ca2_rl.studies.training import Evaluations, Starts

QUICK = {"n_timesteps": 300, "policy": "MlpPolicy", "learning_starts": 100, "batch_size": 8, "policy_kwargs": {"net_arch": [8]}}


def main() -> None:
    variants = [Variant(f"{n} torques", "discretizeddqn", QUICK | {"n_bins": n}) for n in (3, 5)]
    optimum = PendulumOptimum(grid=(60, 61))
    evaluations = Evaluations(Starts.sample(5, 0, optimum), Starts.sample(6, 1, optimum))
    study = overview.Study(**{**vars(overview.STUDY), "variants": lambda: variants})
    with (
        patch.object(overview, "STUDY", study),
        patch.object(runner.Evaluations, "sample", lambda: evaluations),
        patch.object(sys, "argv", ["ca2-rl", "study", "overview", *sys.argv[1:]]),
    ):
        cli.main()


if __name__ == "__main__":
    main()
