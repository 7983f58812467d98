"""The environments whose best possible return is known."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from ca2_rl.optimum.mountain_car import ContinuousMountainCarOptimum, MountainCarOptimum
from ca2_rl.optimum.pendulum import PendulumOptimum
from ca2_rl.optimum.tabular import TabularOptimum


class Optimum(Protocol):
    """The best possible return from any initial state."""

    state_attribute: str  # attribute of the env that holds its state

    @property
    def is_cached(self) -> bool:
        """Whether the slow part has been computed before, so that ``returns`` takes only a second or two."""

    def returns(self, starts: Any) -> NDArray[np.float64]:
        """Best return from each initial state, [N]; the expected return if the env is stochastic."""


def _of_table(env: Any, horizon: int | None) -> Optimum | None:
    if getattr(env, "fickle_passenger", False):  # the passenger changes the destination, which is not in the table
        return None
    return TabularOptimum(env.P, horizon)


# Functions of the unwrapped env and the steps of an episode
OPTIMA: dict[str, Callable[[Any, Any], Optimum | None]] = {
    "Pendulum-v1": lambda env, horizon: PendulumOptimum(env.g, horizon=horizon),
    "MountainCar-v0": lambda env, horizon: MountainCarOptimum(env.goal_velocity, horizon),
    "MountainCarContinuous-v0": lambda env, horizon: ContinuousMountainCarOptimum(env.goal_velocity, horizon),
    **dict.fromkeys(
        ("FrozenLake-v1", "FrozenLake8x8-v1", "CliffWalking-v1", "CliffWalkingSlippery-v1", "Taxi-v3", "Taxi-v4"),
        _of_table,
    ),
}


def has_optimum(env_id: str) -> bool:
    """Whether the best possible return of an environment is known, at least with most of its settings."""
    return env_id in OPTIMA


def find_optimum(env: VecEnv) -> Optimum | None:
    """The optimum for a ``VecEnv`` of equal environments; None if it is unknown."""
    spec, inner = env.get_attr("spec")[0], env.get_attr("unwrapped")[0]
    return OPTIMA[spec.id](inner, spec.max_episode_steps) if spec is not None and spec.id in OPTIMA else None


def optimal_returns(env: VecEnv, computes: bool = True) -> NDArray[np.float64] | None:
    """The best possible return of an episode from the current state of each env, which has just been reset: [n_envs].

    :param env: equal environments
    :param computes: whether to compute an optimum that is not cached, which takes long
    :return: expected returns if the env is stochastic; None if the optimum is unknown, or neither cached nor computed
    """
    optimum = find_optimum(env)
    if optimum is None or not (computes or optimum.is_cached):
        return None
    return optimum.returns(np.array(env.get_attr(optimum.state_attribute)))
