"""SB3's replay buffers with fewer copies, in a form that compiled code can read."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch as th
from gymnasium import spaces
from stable_baselines3.common.buffers import DictReplayBuffer, NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.vec_env import VecNormalize


class Transitions(NamedTuple):
    """B transitions: the fields of SB3's ``ReplayBufferSamples``, then our own."""

    observations: th.Tensor
    actions: th.Tensor
    next_observations: th.Tensor
    dones: th.Tensor
    rewards: th.Tensor
    discounts: th.Tensor | None = None
    """Discounts of the next states' values, of n-step returns, [B, 1]."""
    weights: th.Tensor | None = None
    """Importance weights of prioritised replay, by which the losses are multiplied, [B, 1]."""
    next_masks: th.Tensor | None = None
    """Actions that are allowed in the next states, bool [B, n_actions]."""


Reader = Callable[[th.Tensor], Transitions]
FIELDS = ("observations", "actions", "next_observations", "dones", "timeouts", "rewards")


def flat(values: Any) -> Any:
    """An array [buffer_size, n_envs, ...], or a dict of them, as tensors [buffer_size * n_envs, ...]: views, no copies."""
    return {key: flat(each) for key, each in values.items()} if isinstance(values, dict) else th.from_numpy(values).flatten(0, 1)


def at(values: Any, rows: th.Tensor) -> Any:
    """The given rows of a tensor or of each tensor in a dict."""
    return {key: each[rows] for key, each in values.items()} if isinstance(values, dict) else values[rows]


class ReadableBuffer(ReplayBuffer):
    """A replay buffer whose arrays can be read as tensors, if ``has_tensors`` is true."""

    next_masks: np.ndarray | None = None
    """Actions that are allowed in the next states, bool [buffer_size, n_envs, n_actions]. The caller of ``add`` sets them."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.has_tensors = not self.optimize_memory_usage and self.device.type == "cpu"

    def keep_masks(self, n_actions: int) -> None:
        """Adds ``next_masks`` to the buffer and its batches. Until a mask is set, all actions are allowed."""
        self.next_masks = np.ones((*self.rewards.shape, n_actions), dtype=bool)

    def mask_reader(self) -> Callable[[th.Tensor], th.Tensor | None]:
        if self.next_masks is None:
            return lambda rows: None
        masks = flat(self.next_masks)
        return lambda rows: masks[rows]

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> Any:
        """A random batch of ``Transitions``."""
        if self.next_masks is None:
            return Transitions(*super().sample(batch_size, env))
        return self.batch(th.from_numpy(np.random.randint(self.size() * self.n_envs, size=batch_size)), env)

    def tensors(self) -> list[Any]:
        """The ``FIELDS`` as tensors [buffer_size * n_envs, ...]; observations may be a dict of tensors."""
        return [flat(getattr(self, name)) for name in FIELDS]

    def reader(self, env: VecNormalize | None = None) -> Reader:
        """A function that reads a batch, given row numbers, int64 [B], where a row number is step * ``n_envs`` + env.

        :param env: normalises the rewards; None for none
        """
        observations, actions, next_observations, dones, timeouts, rewards = self.tensors()
        masks = self.mask_reader()

        def read(rows: th.Tensor) -> Transitions:
            # A timeout is not the end of the task
            ends = dones[rows] * (1 - timeouts[rows])
            taken = normalized(rewards[rows], env).unsqueeze(1)
            batch = at(observations, rows), actions[rows], at(next_observations, rows), ends.unsqueeze(1), taken
            return Transitions(*batch, next_masks=masks(rows))

        return read

    def batch(self, rows: th.Tensor, env: VecNormalize | None = None) -> Transitions:
        """A batch of the given rows on the buffer's device, normalised as in ``sample``."""
        found = self.reader(env)(rows)

        def ready(observations: Any) -> Any:
            if isinstance(observations, dict):
                arrays: Any = self._normalize_obs({key: each.numpy() for key, each in observations.items()}, env)
                return {key: self.to_torch(each) for key, each in arrays.items()}
            return self.to_torch(self._normalize_obs(observations.numpy(), env))  # type: ignore[arg-type]

        fields = {name: field.to(self.device) for name, field in found._asdict().items() if isinstance(field, th.Tensor)}
        seen = {"observations": ready(found.observations), "next_observations": ready(found.next_observations)}
        return Transitions(**(fields | seen))


def normalized(rewards: th.Tensor, env: VecNormalize | None) -> th.Tensor:
    return rewards if env is None else th.from_numpy(env.normalize_reward(rewards.numpy()).astype(np.float32))


class QuickDictReplayBuffer(ReadableBuffer, DictReplayBuffer):
    """SB3's ``DictReplayBuffer``."""


class QuickReplayBuffer(ReadableBuffer):
    """SB3's ``ReplayBuffer``, but ``add`` copies its arguments only once."""

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


class NStepReader(ReadableBuffer):
    """Adds returns over ``n_steps`` steps, as in SB3's ``NStepReplayBuffer``."""

    def __init__(self, *args: Any, n_steps: int = 3, gamma: float = 0.99, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.n_steps, self.gamma = n_steps, gamma
        self.newest = np.zeros(1, dtype=np.int64)  # position of the newest step; an array, so that compiled code can read it

    def add(self, *args: Any, **kwargs: Any) -> None:
        super().add(*args, **kwargs)
        self.newest[0] = (self.pos - 1) % self.buffer_size

    def reader(self, env: VecNormalize | None = None) -> Reader:
        observations, actions, next_observations, dones, timeouts, rewards = self.tensors()
        newest, steps = th.from_numpy(self.newest), th.arange(self.n_steps)
        ahead, powers = steps * self.n_envs, self.gamma**steps
        masks = self.mask_reader()

        def read(rows: th.Tensor) -> Transitions:
            path = (rows.unsqueeze(1) + ahead) % len(rewards)  # [B, n]
            # The steps stored after the newest one are the oldest, not its successors
            goes_on = (dones[path] == 0) & (timeouts[path] == 0) & (path // self.n_envs != newest)
            taken = [th.ones_like(rows, dtype=th.bool)]
            for step in range(self.n_steps - 1):
                taken.append(taken[-1] & goes_on[:, step])
            counted = th.stack(taken, dim=1)  # [B, n]
            n = counted.sum(dim=1, keepdim=True)
            last = path.gather(1, n - 1).squeeze(1)
            returns = (normalized(rewards[path], env) * powers * counted).sum(dim=1, keepdim=True)
            ends = dones[last] * (1 - timeouts[last])
            batch = at(observations, rows), actions[rows], at(next_observations, last), ends.unsqueeze(1), returns
            return Transitions(*batch, discounts=self.gamma**n, next_masks=masks(last))

        return read


class QuickNStepReplayBuffer(NStepReader, QuickReplayBuffer, NStepReplayBuffer):
    """SB3's ``NStepReplayBuffer``, but ``add`` copies its arguments only once."""


class QuickDictNStepReplayBuffer(NStepReader, QuickDictReplayBuffer):
    """n-step returns for dict observations, which SB3's ``NStepReplayBuffer`` does not support."""

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> Any:
        return self.batch(th.from_numpy(np.random.randint(self.size() * self.n_envs, size=batch_size)), env)
