"""Gymnasium's Pendulum-v1 as functions over batches of states (theta [rad], 0 is upright; theta dot [rad/s])."""

import numpy as np
from numpy.typing import NDArray

GRAVITY = 10.0
MAX_SPEED = 8.0
MAX_TORQUE = 2.0
DT = 0.05
EPISODE_STEPS = 200

Array = NDArray[np.float64]


def wrap_angle(theta: Array) -> Array:
    """The same angle in [-pi, pi)."""
    return (theta + np.pi) % (2 * np.pi) - np.pi


def step(states: Array, torques: Array, g: float = GRAVITY) -> tuple[Array, Array]:
    """One time step of 0.05 s with mass and length 1.

    :param states: theta and theta dot: [..., 2]
    :param torques: clipped to +-2 N m: [...]
    :param g: gravity in m/s^2
    :return: next states [..., 2], theta not wrapped; rewards [...] in [-16.27, 0]
    """
    theta, speed = states[..., 0], states[..., 1]
    torques = np.clip(torques, -MAX_TORQUE, MAX_TORQUE)
    rewards = -(wrap_angle(theta) ** 2 + 0.1 * speed**2 + 0.001 * torques**2)
    speed = np.clip(speed + (1.5 * g * np.sin(theta) + 3 * torques) * DT, -MAX_SPEED, MAX_SPEED)
    return np.stack([theta + speed * DT, speed], axis=-1), rewards


def observe(states: Array) -> NDArray[np.float32]:
    """Cos theta, sin theta, theta dot: [..., 2] -> [..., 3]."""
    theta, speed = states[..., 0], states[..., 1]
    return np.stack([np.cos(theta), np.sin(theta), speed], axis=-1).astype(np.float32)


def sample_starts(n: int, seed: int) -> Array:
    """Start states of the env's own distribution, theta in +-pi and theta dot in +-1, uniform: [n, 2]."""
    return np.random.default_rng(seed).uniform([-np.pi, -1.0], [np.pi, 1.0], size=(n, 2))
