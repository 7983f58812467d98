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
    QuickDictNStepReplayBuffer,
    QuickDictReplayBuffer,
    QuickNStepReplayBuffer,
    QuickReplayBuffer,
    ReadableBuffer,
)

WIDTH = 16
"""Children of a node: few levels, each a handful of NumPy calls for a whole batch."""

WIDEST_ROOT = 2048
"""Children of the root, at most: these are searched by one call."""

MOST_CHANGES = 64
"""Updates that are made together: most are, before the next draw."""

BELOW_ONE = 1 - 2.0**-53

SMALLEST_ERROR = 1e-6
"""Added to each error, so that every transition can be drawn."""


def padded(n: int) -> int:
    """The smallest multiple of ``WIDTH`` that is at least ``n``."""
    return -(-n // WIDTH) * WIDTH


class SumTree:
    """Sums over non-negative numbers: a number is changed, and found by the running sum that it covers, in O(log n).

    A sum is always computed from all of its children, so no rounding error builds up: a tree that was updated a million times equals,
    to the last bit, one that is built from the same leaves.

    :param leaves: float64 [n], a multiple of ``WIDTH``; changed in place by ``update``
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
        self._changed: list[NDArray[np.int64]] = []  # leaves that no sum follows yet
        self._ends = np.add.accumulate(self._levels[-1])  # running sum over the root's children

    @property
    def total(self) -> float:
        self._sum_up()
        return float(self._ends[-1])

    def update(self, indices: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Sets leaves. Of an index that occurs several times, the last value counts.

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
        """Leaves i with leaf[0] + ... + leaf[i - 1] <= mass < leaf[0] + ... + leaf[i], up to rounding; none of them is 0.

        :param masses: in [0, ``total``), [B]; the total is above 0
        """
        self._sum_up()
        # By rounding, a mass may lie at the end of a sum or beyond
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
    """A replay buffer that draws transitions in proportion to priority = (error + 1e-6) ** alpha, of several envs alike.

    Draws are stratified: one from each of B equal parts of the sum of all priorities. A new transition gets the largest priority so far,
    at the beginning 1. The importance weights (N P(i)) ** -beta are divided by the largest of their batch.

    The algorithms of this package that have ``prioritized_replay`` do all that is needed. SB3's own ``DQN`` takes the class as
    ``replay_buffer_class``, but it neither multiplies its loss by the weights nor reports errors, so that all priorities stay equal and
    the draws uniform. A subclass of it has to do both in its ``train``: the batch has ``weights`` [B, 1], and
    ``update_priorities`` takes the errors. SB3 does not anneal ``beta`` either: set it.

    :param args: as SB3's
    :param alpha: exponent of the priorities, in [0, 1]; 0 draws uniformly
    :param beta: exponent of the weights, in [0, 1]; 1 corrects the whole bias
    :raises UserError: if an exponent is out of its range, or with ``optimize_memory_usage``
    """

    _drawn: th.Tensor

    def __init__(self, *args: Any, alpha: float = 0.5, beta: float = 0.4, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name, value in (("priority_alpha", alpha), ("priority_beta", beta)):
            if not 0 <= value <= 1:
                raise UserError(f"{name}={value}: it has to lie in [0, 1].")
        if self.optimize_memory_usage:
            raise UserError("prioritized_replay=True does not go with optimize_memory_usage=True. Leave one of them out.")
        self.alpha, self.beta = alpha, beta
        self.priorities = np.zeros(padded(self.buffer_size * self.n_envs))  # row: step times n_envs plus env
        self.largest = np.ones(1)

    @cached_property
    def tree(self) -> SumTree:
        return SumTree(self.priorities)

    def __getstate__(self) -> dict[str, Any]:
        """Without what follows from the priorities, or is about the last batch."""
        return {name: value for name, value in vars(self).items() if name not in ("tree", "_drawn")}

    def priorities_changed(self) -> None:
        """Follows priorities that were filled in from outside, as far as the buffer is filled."""
        self.priorities[self.size() * self.n_envs :] = 0
        vars(self).pop("tree", None)

    def add(self, *args: Any, **kwargs: Any) -> None:
        first = self.pos * self.n_envs
        super().add(*args, **kwargs)
        self.tree.update(np.arange(first, first + self.n_envs), self.largest)

    def draw(self, uniforms: NDArray[np.float64]) -> tuple[th.Tensor, th.Tensor]:
        """Rows, int64 [B], and importance weights, [B, 1], of a batch.

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
        """Sets the priorities of the transitions drawn last.

        :param errors: temporal-difference errors or losses, in the order of the batch, [B]; one that is not finite counts as the largest
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
    """Sees that an agent can go on with a saved buffer.

    :param made: the buffer that the agent was made with
    :raises UserError: if it is of another number of envs, of other n-step returns, or only one of both is prioritised
    """
    if loaded is None or made is None:
        return
    if loaded.n_envs != made.n_envs:
        raise UserError(f"the saved replay buffer is of n_envs={loaded.n_envs}, the agent has {made.n_envs}: give it as many.")
    n_steps = [getattr(buffer, "n_steps", 1) for buffer in (loaded, made)]
    if n_steps[0] != n_steps[1]:
        raise UserError(f"the saved replay buffer has returns of n_steps={n_steps[0]}, the agent {n_steps[1]}: give it the same.")
    is_prioritized = isinstance(loaded, Prioritized)
    if is_prioritized != isinstance(made, Prioritized):
        raise UserError(f"the saved replay buffer has prioritized_replay={is_prioritized}, the agent has not: give it the same.")


# By: are observations dicts, are returns over several steps, is it prioritised
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
