"""What is the best possible return, and how far from it an agent is."""

from ca2_rl.optimum.envs import has_optimum, is_at_hand, optimal_returns
from ca2_rl.optimum.pendulum import PendulumOptimum
from ca2_rl.optimum.regret import regret, returns

__all__ = ["PendulumOptimum", "has_optimum", "is_at_hand", "optimal_returns", "regret", "returns"]
