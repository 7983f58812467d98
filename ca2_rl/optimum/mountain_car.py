"""The best possible returns of MountainCar-v0 and MountainCarContinuous-v0."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_rl.optimum.grid import Array, GridOptimum


class MountainCarOptimum(GridOptimum):
    """Optimum of MountainCar-v0, which is to need as few steps as possible. States are position and velocity.

    From 41 initial states over the env's whole range, the default grid, a finer grid and the best sequence of full force with two changes
    of direction need the same number of steps. The computation takes 10 s and 1 GB of memory once, and 450 MB in the user's cache folder.

    :param goal_velocity: lowest velocity at the goal
    :param horizon: steps of an episode
    :param grid: number of positions, and of velocities
    :raises UserError: if the grid or horizon is too small
    """

    name = "MountainCar"
    low, high = (-1.2, -0.07), (0.6, 0.07)
    goal, power = 0.5, 0.001
    forces: Sequence[float] = (-1.0, 0.0, 1.0)

    def __init__(self, goal_velocity: float = 0.0, horizon: int = 200, grid: tuple[int, int] = (800, 801)):
        super().__init__(self.forces, horizon, grid)
        self.goal_velocity = goal_velocity

    @property
    def settings(self) -> list[Any]:
        return [1, self.goal_velocity, self.actions.tolist(), self.horizon, self.grid]

    def step(self, states: Array, actions: Array) -> tuple[Array, Array]:
        position, speed = states.T
        speed = np.clip(speed + actions * self.power - 0.0025 * np.cos(3 * position), self.low[1], self.high[1])
        position = np.clip(position + speed, self.low[0], self.high[0])
        speed = np.where((position == self.low[0]) & (speed < 0), 0, speed)
        return np.stack([position, speed], axis=1), np.full(len(states), -1.0)

    def is_goal(self, states: Array) -> NDArray[np.bool_]:
        arrived: NDArray[np.bool_] = (states[:, 0] >= self.goal) & (states[:, 1] >= self.goal_velocity)
        return arrived


class ContinuousMountainCarOptimum(MountainCarOptimum):
    """Optimum of MountainCarContinuous-v0, which is to use as little force as possible, and so as many swings as time allows.

    Small forces matter most, so the forces to choose from are denser near 0. Improving each single force of the roll-outs by gradients
    raises the return by at most 0.03. The computation takes 15 s once, and 360 MB in the cache folder.
    """

    name = "MountainCarContinuous"
    goal, power, prize = 0.45, 0.0015, 100.0
    forces = tuple(np.sign(u) * u**2 for u in np.linspace(-1, 1, 21).tolist())
    converged = 1e-6

    def __init__(self, goal_velocity: float = 0.0, horizon: int = 999, grid: tuple[int, int] = (300, 301)):
        super().__init__(goal_velocity, horizon, grid)

    def step(self, states: Array, actions: Array) -> tuple[Array, Array]:
        next_states, _ = super().step(states, actions)
        return next_states.astype(np.float32).astype(np.float64), -0.1 * actions**2  # the env keeps its state in float32
