"""SB3's replay buffer with fewer copies."""

from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

FIELDS = ("observations", "actions", "next_observations", "dones", "timeouts", "rewards")


class QuickReplayBuffer(ReplayBuffer):
    """SB3's ``ReplayBuffer``; what enters is copied once, and all of it can be read as tensors."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.has_tensors = not self.optimize_memory_usage and self.device.type == "cpu"

    def add(
        self, obs: np.ndarray, next_obs: np.ndarray, action: np.ndarray, reward: np.ndarray, done: np.ndarray, infos: list[dict[str, Any]]
    ) -> None:
        if self.optimize_memory_usage or isinstance(self.observation_space, spaces.Discrete):
            super().add(obs, next_obs, action, reward, done, infos)
            return
        at = self.pos
        self.observations[at] = obs
        self.next_observations[at] = next_obs
        self.actions[at] = action.reshape(self.n_envs, self.action_dim)
        self.rewards[at] = reward
        self.dones[at] = done
        if self.handle_timeout_termination:
            self.timeouts[at] = [info.get("TimeLimit.truncated", False) for info in infos]
        self.pos = (at + 1) % self.buffer_size
        self.full = self.full or self.pos == 0

    def tensors(self) -> list[th.Tensor]:
        """The ``FIELDS``, each [buffer_size * n_envs, ...]: views, no copies."""
        return [th.from_numpy(getattr(self, name)).flatten(0, 1) for name in FIELDS]


def gather(tensors: list[th.Tensor], rows: th.Tensor) -> ReplayBufferSamples:
    """The batch of these rows of ``QuickReplayBuffer.tensors``."""
    observations, actions, next_observations, dones, timeouts, rewards = (tensor[rows] for tensor in tensors)
    # The end of the time is not the end of the task
    ends = dones * (1 - timeouts)
    return ReplayBufferSamples(observations, actions, next_observations, ends.unsqueeze(1), rewards.unsqueeze(1))
