"""The best possible returns of MountainCar-v0 and MountainCarContinuous-v0."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_rl.optimum.grid import Array, GridOptimum


class MountainCarOptimum(GridOptimum):
    """MountainCar-v0: as few steps as possible. States are position and velocity.

    From 41 starts all over the env's, the default grid, a finer one and the best of all sequences of full force with two changes of its
    direction need the same number of steps. It takes 10 s and 1 GB of memory once, and 450 MB in the user's cache folder.

    :param goal_velocity: at least this fast at the goal
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
    """MountainCarContinuous-v0: with as little force as possible, so in as many swings as there is time for.

    Little force is what matters, so the forces to choose from are the denser, the smaller they are. Where each single force of its
    roll-outs is then improved by gradients, the return rises by 0.03 at most. It takes 15 s once, and 360 MB in the cache folder.
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
