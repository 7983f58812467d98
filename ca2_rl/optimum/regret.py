"""Returns and regret of an agent on Pendulum-v1 from given initial states."""

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.type_aliases import PolicyPredictor

from ca2_rl.envs import pendulum
from ca2_rl.optimum.pendulum import PendulumOptimum

Array = NDArray[np.float64]


def returns(model: PolicyPredictor, starts: Array, g: float = pendulum.GRAVITY) -> Array:
    """Return of one deterministic 200-step episode from each initial state. All episodes are stepped together.

    :param model: anything with SB3's ``predict``
    :param starts: theta and theta dot: [N, 2]
    :param g: gravity in m/s^2
    :return: [N]
    """
    states, total = starts, np.zeros(len(starts))
    for _ in range(pendulum.EPISODE_STEPS):
        torques, _ = model.predict(pendulum.observe(states), deterministic=True)
        states, rewards = pendulum.step(states, torques[:, 0], g)
        total += rewards
    return total


def regret(model: PolicyPredictor, starts: Array, g: float = pendulum.GRAVITY) -> Array:
    """Optimal return minus the model's return, from the same initial state: [N, 2] -> [N].

    :param model: anything with SB3's ``predict``
    :param starts: theta and theta dot: [N, 2], for example from ``pendulum.sample_starts``
    :param g: gravity in m/s^2
    """
    return PendulumOptimum(g).returns(starts) - returns(model, starts, g)
