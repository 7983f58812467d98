"""How finely the states have to be told apart for which regret: the optimal policy of coarser grids and fewer torques.

    python scripts/optimum_by_grid.py && python scripts/tables.py

Nothing is learned here: the values are exact but for their resolution.
"""

import json

import numpy as np
from publishing import DOCS, origin, save

from ca2_rl.commands.study import PACKAGES
from ca2_rl.envs.pendulum import MAX_TORQUE, sample_starts, wrap_angle
from ca2_rl.optimum import PendulumOptimum

TORQUES = (9, 3, 2)
GRIDS = (400, 200, 100, 50, 30)  # angles; one more of the speeds, so that 0 is among them
STARTS, SEED = 500, 10_000
LOW = 2.0  # rad from the top: from there on a start hangs rather than stands


def main() -> None:
    states = sample_starts(STARTS, SEED)
    optimal_returns = PendulumOptimum().returns(states)
    hangs = np.abs(wrap_angle(states[:, 0])) > LOW
    rows = []
    for n in GRIDS:
        for n_torques in TORQUES:
            coarse = PendulumOptimum(torques=np.linspace(-MAX_TORQUE, MAX_TORQUE, n_torques), grid=(n, n + 1))
            regrets = optimal_returns - coarse.returns(states)
            row = {"angles": n, "speeds": n + 1, "torques": n_torques, "regret": regrets.mean()}
            rows.append(row | {"standing": regrets[~hangs].mean(), "hanging": regrets[hangs].mean()})
            print(json.dumps(rows[-1]), flush=True)
    starts = {"number": STARTS, "seed": SEED, "low": LOW, "hanging": int(hangs.sum())}
    save(origin(PACKAGES) | {"starts": starts, "rows": rows}, DOCS / "rl" / "grids.json")


if __name__ == "__main__":
    main()
