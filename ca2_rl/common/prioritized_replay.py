"""Prioritised experience replay (Schaul et al. 2016, https://arxiv.org/abs/1511.05952)."""

import math
from functools import cached_property
from typing import Any

import numpy as np
import torch as th
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.vec_env import VecNormalize

from ca2_core.errors import UserError
from ca2_rl.common.replay_buffer import (
    NStepReader,
    QuickDictNStepReplayBuffer,
    QuickDictReplayBuffer,
    QuickNStepReplayBuffer,
    QuickReplayBuffer,
    ReadableBuffer,
)

WIDTH = 16
"""Children of a node. A wide tree has few levels, and each level takes a few NumPy calls for a whole batch."""

WIDEST_ROOT = 2048
"""Most children of the root; one call searches them all."""

MOST_CHANGES = 64
"""Most updates of leaves after which the sums are updated. Usually the next draw comes earlier and updates them."""

BELOW_ONE = 1 - 2.0**-53

SMALLEST_ERROR = 1e-6
"""Added to each error, so that every transition can be drawn."""


def padded(n: int) -> int:
    """The smallest multiple of ``WIDTH`` that is at least ``n``."""
    return -(-n // WIDTH) * WIDTH


class SumTree:
    """A sum tree over non-negative numbers: changes a leaf, and finds the leaf at a given cumulative sum, in O(log n).

    Each sum is always recomputed from all of its children, so rounding errors do not accumulate: after a million updates, the tree equals,
    bit for bit, a new tree with the same leaves.

    :param leaves: float64 [n], n a multiple of ``WIDTH``; changed in place by ``update``
    """

    def __init__(self, leaves: NDArray[np.float64]):
        # From the leaves up to the children of the root
        self._levels = [leaves]
        while len(self._levels[-1]) > WIDEST_ROOT:
            sums = np.add.reduce(self._levels[-1].reshape(-1, WIDTH), axis=1)
            above = np.zeros(padded(len(sums)))
            above[: len(sums)] = sums
            self._levels.append(above)
        self._families = [level.reshape(-1, WIDTH) for level in self._levels[:-1]]  # each [nodes above, WIDTH]
        self._changed: list[NDArray[np.int64]] = []  # leaves whose sums are not updated yet
        self._ends = np.add.accumulate(self._levels[-1])  # cumulative sums of the root's children

    @property
    def total(self) -> float:
        self._sum_up()
        return float(self._ends[-1])

    def update(self, indices: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Sets leaves. If an index occurs several times, its last value counts.

        :param indices: [B]
        :param values: >= 0, [B] or [1]
        """
        self._levels[0][indices] = values
        self._changed.append(indices)
        if len(self._changed) == MOST_CHANGES:
            self._sum_up()

    def _sum_up(self) -> None:
        if not self._changed:
            return
        indices = np.concatenate(self._changed)
        self._changed.clear()
        for family, above in zip(self._families, self._levels[1:], strict=True):
            indices = indices // WIDTH
            above[indices] = np.add.reduce(family.take(indices, axis=0), axis=1)
        np.add.accumulate(self._levels[-1], out=self._ends)

    def find(self, masses: NDArray[np.float64]) -> NDArray[np.int64]:
        """Indices i with leaf[0] + ... + leaf[i - 1] <= mass < leaf[0] + ... + leaf[i], up to rounding. A leaf of 0 is never found.

        :param masses: [B], in [0, ``total``); the total is above 0
        """
        self._sum_up()
        # Because of rounding, a mass may equal or exceed the total
        masses = np.minimum(masses, self._ends[-1] * BELOW_ONE)
        nodes = self._ends.searchsorted(masses, side="right")
        masses = np.maximum(masses - (self._ends.take(nodes) - self._levels[-1].take(nodes)), 0)
        firsts = np.arange(len(masses)) * WIDTH
        for family in reversed(self._families):
            children = family.take(nodes, axis=0)  # [B, WIDTH]
            sums = np.add.accumulate(children, axis=1)
            masses = np.minimum(masses, sums[:, -1] * BELOW_ONE)
            found = (sums > masses[:, None]).argmax(axis=1)
            at = firsts + found
            masses = np.maximum(masses - (sums.take(at) - children.take(at)), 0)
            nodes = nodes * WIDTH + found
        return nodes


class Prioritized(ReadableBuffer):
    """A replay buffer that draws transitions with probability proportional to their priority, (error + 1e-6) ** alpha.

    Draws are stratified: one from each of B equal parts of the sum of all priorities. A new transition gets the largest priority so far,
    initially 1. The importance weights (N P(i)) ** -beta are divided by the largest weight in the batch.

    The algorithms of this package with the argument ``prioritized_replay`` use the buffer correctly. SB3's own ``DQN`` accepts the class as
    ``replay_buffer_class``, but neither multiplies its loss by the weights nor reports errors, so that all priorities stay equal and
    the draws uniform. A subclass of SB3's ``DQN`` has to do both in its ``train``: the batch has ``weights`` [B, 1], and
    ``update_priorities`` takes the errors. SB3 does not anneal ``beta`` either; the subclass has to set it.

    :param args: as in SB3's buffers
    :param alpha: exponent of the priorities, in [0, 1]; 0 draws uniformly
    :param beta: exponent of the importance weights, in [0, 1]; 1 corrects the bias fully
    :raises UserError: if an exponent is out of its range, or with ``optimize_memory_usage``
    """

    _drawn: th.Tensor

    def __init__(self, *args: Any, alpha: float = 0.5, beta: float = 0.4, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not 0 <= value <= 1:
                raise UserError(f"{name}={value}: must be from 0 to 1.")
        if self.optimize_memory_usage:
            raise UserError("prioritized_replay=True can't be combined with optimize_memory_usage=True. Leave one of them out.")
        self.alpha, self.beta = alpha, beta
        self.priorities = np.zeros(padded(self.buffer_size * self.n_envs))  # row number: step * n_envs + env
        self.largest = np.ones(1)

    @cached_property
    def tree(self) -> SumTree:
        return SumTree(self.priorities)

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out the tree, which can be rebuilt from the priorities, and the rows of the last batch."""
        return {name: value for name, value in vars(self).items() if name not in ("tree", "_drawn")}

    def priorities_changed(self) -> None:
        """Updates the tree after ``priorities`` were set directly. Those beyond the filled part of the buffer become 0."""
        self.priorities[self.size() * self.n_envs :] = 0
        vars(self).pop("tree", None)

    def add(self, *args: Any, **kwargs: Any) -> None:
        first = self.pos * self.n_envs
        super().add(*args, **kwargs)
        self.tree.update(np.arange(first, first + self.n_envs), self.largest)

    def draw(self, uniforms: NDArray[np.float64]) -> tuple[th.Tensor, th.Tensor]:
        """Draws a batch: row numbers, int64 [B], and importance weights, [B, 1].

        :param uniforms: random numbers in [0, 1), [B]
        """
        n = len(uniforms)
        rows = self.tree.find((np.arange(n) + uniforms) * (self.tree.total / n))
        priorities = self.priorities.take(rows)
        weights = (priorities / np.minimum.reduce(priorities)) ** -self.beta
        self._drawn = th.from_numpy(rows)
        return self._drawn, th.from_numpy(weights.astype(np.float32)[:, None])

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> Any:
        rows, weights = self.draw(np.random.random_sample(batch_size))
        return self.batch(rows, env)._replace(weights=weights.to(self.device))

    def update_priorities(self, errors: NDArray[Any]) -> None:
        """Sets the priorities of the last batch.

        :param errors: temporal-difference errors or losses, in the order of the batch, [B]; non-finite ones get the largest priority
        """
        priorities = (np.abs(errors).astype(np.float64) + SMALLEST_ERROR) ** self.alpha
        largest = float(np.maximum.reduce(priorities))
        if not math.isfinite(largest):
            priorities = np.where(np.isfinite(priorities), priorities, self.largest)
            largest = float(np.maximum.reduce(priorities))
        self.largest[0] = max(self.largest[0], largest)
        self.tree.update(self._drawn.numpy(), priorities)


class PrioritizedReplayBuffer(Prioritized, QuickReplayBuffer):
    """See ``Prioritized``."""


class PrioritizedDictReplayBuffer(Prioritized, QuickDictReplayBuffer):
    """For dict observations: see ``Prioritized``."""


class PrioritizedNStepReplayBuffer(Prioritized, QuickNStepReplayBuffer):
    """With n-step returns: see ``Prioritized``."""


class PrioritizedDictNStepReplayBuffer(Prioritized, QuickDictNStepReplayBuffer):
    """For dict observations, with n-step returns: see ``Prioritized``."""


def check_loaded(loaded: ReplayBuffer | None, made: ReplayBuffer | None) -> None:
    """Checks that an agent can continue with a saved replay buffer, which gets the agent's discount factor.

    :param loaded: the saved buffer
    :param made: the buffer that the agent was created with
    :raises UserError: if its spaces, number of envs, ``n_steps`` or exponent of the priorities differ, or only one of the buffers is
        prioritised or has masks
    """
    if loaded is None or made is None:
        return
    if loaded.n_envs != made.n_envs:
        raise UserError(f"the saved replay buffer has n_envs={loaded.n_envs}, the agent {made.n_envs}: give the agent the same.")
    n_steps = [getattr(buffer, "n_steps", 1) for buffer in (loaded, made)]
    if n_steps[0] != n_steps[1]:
        raise UserError(f"the saved replay buffer has returns of n_steps={n_steps[0]}, the agent {n_steps[1]}: give the agent the same.")
    is_prioritized = isinstance(loaded, Prioritized)
    if is_prioritized != isinstance(made, Prioritized):
        raise UserError(f"the saved replay buffer has prioritized_replay={is_prioritized}, the agent has not: give it the same.")
    for what, theirs, ours in (
        ("actions", loaded.action_space, made.action_space),
        ("observations", loaded.observation_space, made.observation_space),
        ("priority_alpha", getattr(loaded, "alpha", None), getattr(made, "alpha", None)),
        ("action_masks", getattr(loaded, "next_masks", None) is not None, getattr(made, "next_masks", None) is not None),
    ):
        if theirs != ours:
            raise UserError(f"the saved replay buffer has {what}={theirs}, the agent {ours}: give the agent the same.")
    if isinstance(made, NStepReader) and isinstance(loaded, NStepReader):
        loaded.gamma = made.gamma  # returns are summed up when a batch is drawn


# Key: are observations dicts, are there n-step returns, is replay prioritised
BUFFERS: dict[tuple[bool, bool, bool], type[ReadableBuffer]] = {
    (False, False, False): QuickReplayBuffer,
    (False, False, True): PrioritizedReplayBuffer,
    (False, True, False): QuickNStepReplayBuffer,
    (False, True, True): PrioritizedNStepReplayBuffer,
    (True, False, False): QuickDictReplayBuffer,
    (True, False, True): PrioritizedDictReplayBuffer,
    (True, True, False): QuickDictNStepReplayBuffer,
    (True, True, True): PrioritizedDictNStepReplayBuffer,
}
