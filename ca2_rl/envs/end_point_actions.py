"""A finite set of actions for algorithms that need one, as an env wrapper."""

from typing import Any

import gymnasium as gym
import numpy as np

from ca2_rl.common.action_bins import ActionBins


class EndPointActions(gym.ActionWrapper[Any, int, np.ndarray]):
    """A Box as a Discrete space of evenly spaced actions, end points included: SB3's DQN gets the same torques as ours.

    Gymnasium's ``DiscretizeAction`` takes the centres of the bins, which lose the full torque.

    :param env: its actions lie in a bounded Box
    :param n_bins: values per dimension, at least 2
    """

    def __init__(self, env: gym.Env[Any, np.ndarray], n_bins: int):
        super().__init__(env)
        bins = ActionBins(env.action_space, n_bins)
        self.actions = bins.actions  # [n_actions, *shape]
        self.action_space = bins.index_space

    def action(self, action: int) -> np.ndarray:
        chosen: np.ndarray = self.actions[action]
        return chosen
