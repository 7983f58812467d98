"""Env wrapper that discretises actions, for algorithms that need a Discrete space."""

from typing import Any

import gymnasium as gym
import numpy as np

from ca2_rl.common.action_bins import ActionBins


class EndPointActions(gym.ActionWrapper[Any, int, np.ndarray]):
    """Replaces a Box by a Discrete space of evenly spaced actions, end points included, so that SB3's DQN has the same actions as ours.

    Gymnasium's ``DiscretizeAction`` uses the centres of the bins, which leave out the full torque.

    :param env: env whose action space is a bounded Box
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
