"""The best possible returns that are known, and by how much coarser and finer grids of states change them.

    python scripts/optima.py && python scripts/tables.py

Nothing is learned here. The tables of values take 2 GB of a temporary folder, and 3 GB of memory.
"""

import json
import os
import tempfile
import time

import numpy as np
from publishing import DOCS, origin, save
from stable_baselines3.common.env_util import make_vec_env

from ca2_rl.commands.study import PACKAGES
from ca2_rl.optimum import TabularOptimum
from ca2_rl.optimum.envs import find_optimum

ENVS = [
    *(("Pendulum-v1", {"g": g}) for g in (10.0, 0.0, -10.0, 15.0)),
    *((name, {}) for name in ("MountainCar-v0", "MountainCarContinuous-v0")),
    *((name, {}) for name in ("FrozenLake-v1", "FrozenLake8x8-v1", "CliffWalking-v1", "CliffWalkingSlippery-v1", "Taxi-v4")),
]
STARTS, SEED = 500, 10_000
FACTORS = {"coarser": 0.5, "finer": 1.4}


def main() -> None:
    rows = []
    for name, kwargs in ENVS:
        env = make_vec_env(name, STARTS, seed=SEED, env_kwargs=kwargs)
        env.reset()
        row = {"env": name, "env_kwargs": kwargs, "steps": env.get_attr("spec")[0].max_episode_steps}
        optimum = find_optimum(env)
        starts = np.array(env.get_attr(optimum.state_attribute))
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_CACHE_HOME"] = folder
            returns = optimum.returns(starts)
        row |= {"seconds": time.perf_counter() - begin, "mean": returns.mean(), "least": returns.min(), "most": returns.max()}
        if not isinstance(optimum, TabularOptimum):
            row["grid"] = optimum.grid
            for label, factor in FACTORS.items():
                other = find_optimum(env)
                other.grid = tuple(int(n // 2 * 2 * factor) + n % 2 for n in optimum.grid)
                with tempfile.TemporaryDirectory() as folder:
                    os.environ["XDG_CACHE_HOME"] = folder
                    row[label] = (other.returns(starts) - returns).mean()
        rows.append(row)
        print(json.dumps(rows[-1]), flush=True)
    save(origin(PACKAGES) | {"starts": STARTS, "seed": SEED, "factors": FACTORS, "rows": rows}, DOCS / "rl" / "optima.json")


if __name__ == "__main__":
    main()
