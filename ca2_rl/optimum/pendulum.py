"""The best possible return of Pendulum-v1, by backward induction (Bellman 1957) over a grid of states."""

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_rl.envs import pendulum

TORQUES = tuple(np.linspace(-pendulum.MAX_TORQUE, pendulum.MAX_TORQUE, 9).tolist())
GRID = (1000, 1001)
# Once a further step changes no value by more than this, the values of all longer horizons are taken to be the same
CONVERGED = 1e-3
# To be raised with every change of the numbers below
CACHE_VERSION = 2
# Grid points times steps from which on the tables take some seconds, and a line says so
ANNOUNCED = 20_000_000

Array = NDArray[np.float64]
Tables = NDArray[np.float32]

log = logging.getLogger(__name__)
# Tables that could not be written to the cache, by the path that they would have
_unwritten: dict[Path, Tables] = {}


class PendulumOptimum:
    """Values of all states for each number of steps to go, and the policy that is greedy for them.

    V_0 = 0, V_k(s) = max_u r(s, u) + V_{k-1}(s'), undiscounted, bilinear between the grid points. The rolled-out
    return of the greedy policy is attained by exact dynamics, so it is a lower bound of the true optimum; against the
    best of five grids it is 0.03 below on average. The values don't depend on the starts: they are computed once (10 to 40 s
    on one core and 1.5 GB of memory for the default grid) and kept in the user's cache folder (480 MB).

    :param g: gravity in m/s^2
    :param torques: the torques to choose from, in N m, within +-2
    :param horizon: steps of an episode
    :param grid: number of angles, and of angular velocities in [-8, 8]
    :raises UserError: if there is no torque, one is out of range, or the grid or horizon is too small
    """

    def __init__(
        self,
        g: float = pendulum.GRAVITY,
        torques: Sequence[float] | Array = TORQUES,
        horizon: int = pendulum.EPISODE_STEPS,
        grid: tuple[int, int] = GRID,
    ):
        if len(torques) == 0 or not all(abs(u) <= pendulum.MAX_TORQUE for u in torques):
            raise UserError(f"torques={list(torques)}: give at least one, all within +-{pendulum.MAX_TORQUE} N m.")
        if horizon < 1 or min(grid) < 2:
            raise UserError(f"horizon={horizon}, grid={grid}: at least 1 step, and 2 points a side.")
        self.g, self.torques, self.horizon, self.grid = g, np.asarray(torques, dtype=np.float64), horizon, grid

    @property
    def is_cached(self) -> bool:
        """Whether the values are at hand, so that nothing below takes more than a few seconds."""
        return "_tables" in vars(self) or self._path in _unwritten or self._read() is not None

    @cached_property
    def _tables(self) -> Tables:
        """V_0, V_1, ... up to the horizon or to convergence: [tables, grid points]; read from the cache where they are needed."""
        kept = _unwritten.get(self._path)
        if kept is None:
            kept = self._read()
        if kept is not None:
            return kept
        if np.prod(self.grid) * self.horizon >= ANNOUNCED:
            log.info("Computing the optimum of Pendulum: 10 to 40 s. It is kept in %s.", self._path.parent)
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
        """Where the tables are kept: named by a hash of all that they depend on."""
        settings = [CACHE_VERSION, self.g, self.torques.tolist(), self.horizon, self.grid]
        digest = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
        return Path(platformdirs.user_cache_dir("ca2"), f"pendulum-{digest[:16]}.npy")

    def _read(self) -> Tables | None:
        """The tables in the cache, mapped to memory; None if there are none, or they are damaged."""
        try:
            tables: Tables = np.load(self._path, mmap_mode="r", allow_pickle=False)
        except (OSError, EOFError, ValueError):
            return None
        is_whole = tables.ndim == 2 and 2 <= len(tables) <= self.horizon + 1 and tables.shape[1] == np.prod(self.grid)
        return tables if is_whole and tables.dtype == np.float32 else None

    def _compute(self) -> Tables:
        angles = np.arange(self.grid[0]) * (2 * np.pi / self.grid[0]) - np.pi
        speeds = np.linspace(-pendulum.MAX_SPEED, pendulum.MAX_SPEED, self.grid[1])
        states = np.stack(np.meshgrid(angles, speeds, indexing="ij"), axis=-1).reshape(-1, 2)
        outcomes = [pendulum.step(states, np.full(len(states), torque), self.g) for torque in self.torques]
        next_weights = vstack([self._weights(next_states) for next_states, _ in outcomes], format="csr")
        rewards = np.stack([reward for _, reward in outcomes]).astype(np.float32)  # [torques, points]
        values = [np.zeros(len(states), dtype=np.float32)]
        for _ in tqdm(range(self.horizon), desc="optimum of Pendulum, once", leave=False, disable=None):
            values.append((rewards + (next_weights @ values[-1]).reshape(rewards.shape)).max(axis=0))
            if np.abs(values[-1] - values[-2]).max() < CONVERGED:
                break
        return np.stack(values)

    def _weights(self, states: Array) -> csr_matrix:
        """Bilinear interpolation as a sparse matrix: [N, 2] -> [N, points], four entries a row that sum to 1."""
        n_angles, n_speeds = self.grid
        x = (pendulum.wrap_angle(states[:, 0]) + np.pi) * (n_angles / (2 * np.pi))
        y = (states[:, 1] + pendulum.MAX_SPEED) * ((n_speeds - 1) / (2 * pendulum.MAX_SPEED))
        i, j = np.floor(x).astype(int), np.clip(np.floor(y).astype(int), 0, n_speeds - 2)
        fx, fy = x - i, y - j
        below, above = (i % n_angles) * n_speeds, ((i + 1) % n_angles) * n_speeds  # angles wrap around
        columns = np.stack([below + j, below + j + 1, above + j, above + j + 1], axis=1)
        weights = np.stack([(1 - fx) * (1 - fy), (1 - fx) * fy, fx * (1 - fy), fx * fy], axis=1)
        rows = np.arange(0, columns.size + 1, 4)
        shape = (len(states), n_angles * n_speeds)
        return csr_matrix((weights.ravel().astype(np.float32), columns.ravel(), rows), shape=shape)

    def values(self, states: Array) -> Array:
        """Value of the whole horizon, interpolated: [N, 2] -> [N]. Off by a few units on the ridges where policies part."""
        return np.asarray(self._weights(states) @ self._tables[-1], dtype=np.float64)

    def greedy_torques(self, states: Array, steps_to_go: int) -> Array:
        """The best torque of each state with so many steps to go, at least 1: [N, 2] -> [N]."""
        table = self._tables[min(steps_to_go, len(self._tables)) - 1]
        gains = []
        for torque in self.torques:
            next_states, rewards = pendulum.step(states, np.full(len(states), torque), self.g)
            gains.append(rewards + self._weights(next_states) @ table)
        best: Array = self.torques[np.argmax(gains, axis=0)]
        return best

    def returns(self, starts: Array) -> Array:
        """Return of the greedy policy from each start, rolled out by the exact dynamics: [N, 2] -> [N]."""
        states, total = starts, np.zeros(len(starts))
        for steps_to_go in range(self.horizon, 0, -1):
            states, rewards = pendulum.step(states, self.greedy_torques(states, steps_to_go), self.g)
            total += rewards
        return total
