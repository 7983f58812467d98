"""SB3's replay buffer with fewer copies."""

from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize


class QuickReplayBuffer(ReplayBuffer):
    """Same arrays, same random numbers, same batches as SB3's ``ReplayBuffer``; what enters and leaves is copied once."""

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

    def _get_samples(self, batch_inds: np.ndarray, env: VecNormalize | None = None) -> ReplayBufferSamples:
        if self.optimize_memory_usage or env is not None or self.device.type != "cpu":
            return super()._get_samples(batch_inds, env)
        env_indices = np.random.randint(0, high=self.n_envs, size=(len(batch_inds),))
        rows = batch_inds * self.n_envs + env_indices

        def take(array: np.ndarray, *shape: int) -> np.ndarray:
            """The rows of an array [buffer_size, n_envs, ...] as [B, *shape]."""
            return array.reshape(-1, *shape).take(rows, axis=0)

        data = (
            take(self.observations, *self.obs_shape),
            take(self.actions, self.action_dim),
            take(self.next_observations, *self.obs_shape),
            # The end of the time is not the end of the task
            take(self.dones, 1) * (1 - take(self.timeouts, 1)),
            take(self.rewards, 1),
        )
        return ReplayBufferSamples(*map(th.from_numpy, data))
