"""The best possible return of environments, and an agent's regret."""

from ca2_rl.optimum.envs import has_optimum, optimal_returns
from ca2_rl.optimum.mountain_car import ContinuousMountainCarOptimum, MountainCarOptimum
from ca2_rl.optimum.pendulum import PendulumOptimum
from ca2_rl.optimum.regret import regret, returns
from ca2_rl.optimum.tabular import TabularOptimum

__all__ = [
    "ContinuousMountainCarOptimum",
    "MountainCarOptimum",
    "PendulumOptimum",
    "TabularOptimum",
    "has_optimum",
    "optimal_returns",
    "regret",
    "returns",
]
