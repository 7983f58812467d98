"""The environments whose best possible return is known."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from ca2_rl.optimum.pendulum import PendulumOptimum

Array = NDArray[np.float64]


class _Optimum(NamedTuple):
    returns: Callable[[VecEnv], Array]
    is_at_hand: Callable[[VecEnv], bool]


def _pendulum(env: VecEnv) -> PendulumOptimum:
    spec, gravity = env.get_attr("spec")[0], env.get_attr("g")[0]
    return PendulumOptimum(gravity, horizon=spec.max_episode_steps)


OPTIMA = {
    "Pendulum-v1": _Optimum(lambda env: _pendulum(env).returns(np.array(env.get_attr("state"))), lambda env: _pendulum(env).is_cached),
}


def has_optimum(env_id: str) -> bool:
    """Whether ``optimal_returns`` knows the environment."""
    return env_id in OPTIMA


def optimal_returns(env_id: str, env: VecEnv) -> Array:
    """The best possible return of an episode from the state that each env is in after its reset, [n_envs].

    :param env_id: one that ``has_optimum``
    :param env: environments of one kind
    """
    return OPTIMA[env_id].returns(env)


def is_at_hand(env_id: str, env: VecEnv) -> bool:
    """Whether ``optimal_returns`` takes a second or two: what takes long has been computed before."""
    return OPTIMA[env_id].is_at_hand(env)
