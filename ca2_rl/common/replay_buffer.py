"""SB3's replay buffers with fewer copies, which compiled code can read."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from stable_baselines3.common.buffers import DictReplayBuffer, NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.type_aliases import DictReplayBufferSamples, ReplayBufferSamples

Reader = Callable[[th.Tensor], ReplayBufferSamples]
FIELDS = ("observations", "actions", "next_observations", "dones", "timeouts", "rewards")


class ReadableBuffer(ReplayBuffer):
    """A replay buffer all of which can be read as tensors, if ``has_tensors``."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.has_tensors = not self.optimize_memory_usage and self.device.type == "cpu"

    def reader(self) -> Reader:
        """What makes a batch of rows, int64 [B]: step times ``n_envs`` plus env."""
        raise NotImplementedError


class QuickDictReplayBuffer(ReadableBuffer, DictReplayBuffer):
    """SB3's ``DictReplayBuffer``."""

    def reader(self) -> Reader:
        observations, next_observations = (
            {key: th.from_numpy(values).flatten(0, 1) for key, values in each.items()}
            for each in (self.observations, self.next_observations)
        )
        fields = (self.actions, self.dones, self.timeouts, self.rewards)
        actions, dones, timeouts, rewards = (th.from_numpy(each).flatten(0, 1) for each in fields)

        def read(rows: th.Tensor) -> Any:
            return DictReplayBufferSamples(
                observations={key: values[rows] for key, values in observations.items()},
                actions=actions[rows],
                next_observations={key: values[rows] for key, values in next_observations.items()},
                dones=(dones[rows] * (1 - timeouts[rows])).unsqueeze(1),
                rewards=rewards[rows].unsqueeze(1),
            )

        return read


class QuickReplayBuffer(ReadableBuffer):
    """SB3's ``ReplayBuffer``; what enters is copied once."""

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

    def reader(self) -> Reader:
        observations, actions, next_observations, dones, timeouts, rewards = self.tensors()

        def read(rows: th.Tensor) -> ReplayBufferSamples:
            # The end of the time is not the end of the task
            ends = dones[rows] * (1 - timeouts[rows])
            batch = observations[rows], actions[rows], next_observations[rows], ends.unsqueeze(1), rewards[rows].unsqueeze(1)
            return ReplayBufferSamples(*batch)

        return read


class QuickNStepReplayBuffer(QuickReplayBuffer, NStepReplayBuffer):
    """SB3's ``NStepReplayBuffer`` in the same way."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.newest = np.zeros(1, dtype=np.int64)  # where the last step is; as an array that compiled code reads

    def add(self, *args: Any, **kwargs: Any) -> None:
        super().add(*args, **kwargs)
        self.newest[0] = (self.pos - 1) % self.buffer_size

    def reader(self) -> Reader:
        observations, actions, next_observations, dones, timeouts, rewards = self.tensors()
        newest, steps = th.from_numpy(self.newest), th.arange(self.n_steps)
        ahead, powers = steps * self.n_envs, self.gamma**steps

        def read(rows: th.Tensor) -> ReplayBufferSamples:
            path = (rows.unsqueeze(1) + ahead) % len(rewards)  # [B, n]
            # What lies behind the newest step is of another time
            goes_on = (dones[path] == 0) & (timeouts[path] == 0) & (path // self.n_envs != newest)
            taken = [th.ones_like(rows, dtype=th.bool)]
            for step in range(self.n_steps - 1):
                taken.append(taken[-1] & goes_on[:, step])
            counted = th.stack(taken, dim=1)  # [B, n]
            n = counted.sum(dim=1, keepdim=True)
            last = path.gather(1, n - 1).squeeze(1)
            returns = (rewards[path] * powers * counted).sum(dim=1, keepdim=True)
            ends = dones[last] * (1 - timeouts[last])
            batch = observations[rows], actions[rows], next_observations[last], ends.unsqueeze(1), returns
            return ReplayBufferSamples(*batch, discounts=self.gamma**n)

        return read
