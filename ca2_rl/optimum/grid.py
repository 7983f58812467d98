"""The best possible return of tasks with two state variables, by backward induction (Bellman 1957) over a grid of states."""

import hashlib
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_core.files import whole_file

# From this number of grid points times steps on, the computation takes seconds and is announced
ANNOUNCED = 20_000_000

Array = NDArray[np.float64]
Tables = NDArray[np.float32]

log = logging.getLogger(__name__)
# Tables that could not be written to the cache, by their path there
_unwritten: dict[Path, Tables] = {}


class GridOptimum(ABC):
    """Values of all states for each number of remaining steps, and the policy that is greedy with respect to them.

    V_k(s) = max_u r(s, u) + V_{k-1}(s'), undiscounted, bilinear between the grid points, and 0 at the goal if there is one. The greedy
    policy's return is rolled out with the exact dynamics, so it can be attained and is a lower bound of the true optimum. The values do
    not depend on initial states: they are computed once and stored in the user's cache folder.

    :param actions: the actions to choose from
    :param horizon: steps of an episode, at least 1
    :param grid: number of values of each state variable, at least 2
    :raises UserError: if the grid or the horizon is too small
    """

    state_attribute = "state"
    name: str  # of the environment, also in the name of the cache file
    low: tuple[float, float]  # bounds of the state variables
    high: tuple[float, float]
    turns = False  # whether the first state variable is an angle, so that its range is periodic
    prize = 0.0  # reward on arrival at the goal
    # Once a further step changes no value by this much, the values of all longer horizons are assumed to be the same
    converged = 1e-3

    def __init__(self, actions: Sequence[float] | Array, horizon: int, grid: tuple[int, int]):
        if horizon < 1 or min(grid) < 2:
            raise UserError(f"horizon={horizon}, grid={grid}: at least 1 step and 2 points per side are needed.")
        self.actions, self.horizon, self.grid = np.asarray(actions, dtype=np.float64), horizon, grid

    @property
    @abstractmethod
    def settings(self) -> list[Any]:
        """Everything that the values depend on, for JSON. The first entry is a version number; raise it when the computation changes."""

    @abstractmethod
    def step(self, states: Array, actions: Array) -> tuple[Array, Array]:
        """Next states and rewards, without the prize: [N, 2], [N] -> [N, 2], [N]."""

    def is_goal(self, states: Array) -> NDArray[np.bool_]:
        """Whether the episode ends in each state: [N, 2] -> [N]."""
        return np.zeros(len(states), dtype=bool)

    @property
    def is_cached(self) -> bool:
        """Whether the values have been computed, so that all other methods take at most a few seconds."""
        return "_tables" in vars(self) or self._path in _unwritten or self._read() is not None

    @cached_property
    def _tables(self) -> Tables:
        """V_0, V_1, ... up to the horizon or to convergence: [tables, grid points], memory-mapped if they are read from the cache."""
        kept = _unwritten.get(self._path)
        if kept is None:
            kept = self._read()
        if kept is not None:
            return kept
        if np.prod(self.grid) * self.horizon >= ANNOUNCED:
            log.info("Computing the optimum of %s takes 10 to 40 s, once. It is stored in %s.", self.name, self._path.parent)
        tables = self._compute()
        try:
            with whole_file(self._path) as partial:
                np.save(partial, tables)
        except OSError as error:
            log.warning("%s: can't be written (%s), so the optimum will be computed again next time.", self._path, error.strerror or error)
            _unwritten[self._path] = tables
        return tables

    @cached_property
    def _path(self) -> Path:
        """Path of the tables in the cache, with a hash of everything that they depend on."""
        digest = hashlib.sha256(json.dumps(self.settings).encode()).hexdigest()
        return Path(platformdirs.user_cache_dir("ca2"), f"{self.name.lower()}-{digest[:16]}.npy")

    def _read(self) -> Tables | None:
        """The tables from the cache, memory-mapped; None if there are none or they are damaged."""
        try:
            tables: Tables = np.load(self._path, mmap_mode="r", allow_pickle=False)
        except (OSError, EOFError, ValueError):
            return None
        is_whole = tables.ndim == 2 and 2 <= len(tables) <= self.horizon + 1 and tables.shape[1] == np.prod(self.grid)
        return tables if is_whole and tables.dtype == np.float32 else None

    def _compute(self) -> Tables:
        (low, bottom), (high, top), (n, m) = self.low, self.high, self.grid
        axes = np.linspace(low, high, n, endpoint=not self.turns), np.linspace(bottom, top, m)
        states = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        outcomes = [self.step(states, np.full(len(states), action)) for action in self.actions]
        next_weights = vstack([self._weights(next_states) for next_states, _ in outcomes], format="csr")
        rewards = np.stack([reward for _, reward in outcomes]).astype(np.float32)  # [actions, points]
        is_goal = self.is_goal(states)
        # Values minus the prize: 0 at the goal, and at the end -prize elsewhere. Then float32 is precise where it matters
        values = [np.where(is_goal, 0, -self.prize).astype(np.float32)]
        for _ in tqdm(range(self.horizon), desc=f"optimum of {self.name}, once", leave=False, disable=None):
            best = (rewards + (next_weights @ values[-1]).reshape(rewards.shape)).max(axis=0)
            best[is_goal] = 0
            values.append(best)
            if np.abs(values[-1] - values[-2]).max() < self.converged:
                break
        return np.stack(values)

    def _weights(self, states: Array) -> csr_matrix:
        """Bilinear interpolation as a sparse matrix: [N, 2] -> [N, points], with four entries per row that sum to 1."""
        (n, m), (low, bottom), (high, top) = self.grid, self.low, self.high
        x = (states[:, 0] - low) * ((n if self.turns else n - 1) / (high - low))
        y = (states[:, 1] - bottom) * ((m - 1) / (top - bottom))
        i, j = np.floor(x).astype(int), np.clip(np.floor(y).astype(int), 0, m - 2)
        if not self.turns:
            i = np.clip(i, 0, n - 2)
        fx, fy = x - i, y - j
        below, above = (i % n) * m, ((i + 1) % n) * m
        columns = np.stack([below + j, below + j + 1, above + j, above + j + 1], axis=1)
        weights = np.stack([(1 - fx) * (1 - fy), (1 - fx) * fy, fx * (1 - fy), fx * fy], axis=1)
        rows = np.arange(0, columns.size + 1, 4)
        return csr_matrix((weights.ravel().astype(np.float32), columns.ravel(), rows), shape=(len(states), n * m))

    def values(self, states: Array) -> Array:
        """Interpolated value over the whole horizon: [N, 2] -> [N].

        It is inaccurate where neighbouring states need different policies, for example where a swing is only just high enough.
        """
        found = self._weights(states) @ self._tables[-1] + self.prize
        return np.asarray(found, dtype=np.float64)

    def greedy_actions(self, states: Array, steps_to_go: int) -> Array:
        """The best action in each state with ``steps_to_go`` steps left, at least 1: [N, 2] -> [N]."""
        table = self._tables[min(steps_to_go, len(self._tables)) - 1]
        gains = []
        for action in self.actions:
            next_states, rewards = self.step(states, np.full(len(states), action))
            gains.append(rewards + np.where(self.is_goal(next_states), 0, self._weights(next_states) @ table))
        best: Array = self.actions[np.argmax(gains, axis=0)]
        return best

    def returns(self, starts: Array) -> Array:
        """Return of the greedy policy from each initial state, rolled out with the exact dynamics: [N, 2] -> [N]."""
        states, total = np.array(starts, dtype=np.float64), np.zeros(len(starts))
        on_the_way = np.arange(len(starts))
        for steps_to_go in range(self.horizon, 0, -1):
            states, rewards = self.step(states, self.greedy_actions(states, steps_to_go))
            total[on_the_way] += rewards
            is_goal = self.is_goal(states)
            total[on_the_way[is_goal]] += self.prize
            on_the_way, states = on_the_way[~is_goal], states[~is_goal]
            if not len(states):
                break
        return total
