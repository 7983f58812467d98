"""Ornstein-Uhlenbeck noise, discretised exactly."""

import math

import numpy as np
from stable_baselines3.common.noise import ActionNoise

from ca2_core.errors import UserError


class OUNoise(ActionNoise):
    """dx = theta (mu - x) dt + sigma dW, sampled every ``dt`` (Uhlenbeck & Ornstein 1930; Lillicrap et al. 2016).

    The step is the exact transition of the process for every dt: x' = mu + (x - mu) a + sd * N(0, 1) with
    a = exp(-theta dt) and sd^2 = sigma^2 (1 - a^2) / (2 theta). Stationary std sigma / sqrt(2 theta), autocorrelation
    exp(-theta k dt) after k steps. ``reset`` sets x to mu. Random numbers are from NumPy's global generator, which SB3 seeds.

    :param shape: shape of an action
    :param sigma: scale of the noise, >= 0, in units of the scaled action in [-1, 1]
    :param theta: rate at which the noise returns to its mean, >= 0; 0 is Brownian motion
    :param dt: time between two calls, > 0
    :param mu: mean, in units of the scaled action
    :raises UserError: if a value is out of its range
    """

    def __init__(self, shape: tuple[int, ...], sigma: float = 0.2, theta: float = 0.15, dt: float = 1.0, mu: float = 0.0):
        super().__init__()
        for name, value, is_valid in (
            ("ou_sigma", sigma, 0 <= sigma < math.inf),
            ("ou_theta", theta, 0 <= theta < math.inf),
            ("ou_dt", dt, 0 < dt < math.inf),
            ("ou_mu", mu, math.isfinite(mu)),
        ):
            if not is_valid:
                raise UserError(f"{name}={value}: sigma and theta must be at least 0, dt above 0, and all finite.")
        self.sigma, self.theta, self.dt, self.mu = sigma, theta, dt, mu
        self._decay = math.exp(-theta * dt)
        # expm1 stays accurate for small theta; the limit for theta = 0 is dt
        variance = -math.expm1(-2 * theta * dt) / (2 * theta) if theta > 0 else dt
        self._step_std = sigma * math.sqrt(variance)
        self._x = np.full(shape, mu, dtype=np.float64)

    def __call__(self) -> np.ndarray:
        """The next value: float32 [*shape]."""
        self._x = self.mu + (self._x - self.mu) * self._decay + self._step_std * np.random.standard_normal(self._x.shape)
        return self._x.astype(np.float32)

    def reset(self) -> None:
        self._x = np.full_like(self._x, self.mu)

    def state_dict(self) -> dict[str, np.ndarray]:
        return {"x": self._x}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._x = state["x"]

    def __repr__(self) -> str:
        return f"OUNoise(sigma={self.sigma}, theta={self.theta}, dt={self.dt}, mu={self.mu})"
