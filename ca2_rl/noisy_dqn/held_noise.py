"""Noise for acting in several envs, kept for several steps in each env."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_rl.fast.blocks import Blocks
from ca2_rl.fast.numpy_network import Array, NumpyNoise


class HeldNoise:
    """Noise of several envs. Each env keeps its noise for 1 to ``longest`` steps, all equally likely, but not beyond its episode.

    :param draws: iterator of new noise for all envs: for each noisy layer f(eps_in) [n_envs, in] and f(eps_out) [n_envs, out]
    :param n_envs: number of envs
    :param longest: longest duration in steps, at least 1
    """

    def __init__(self, draws: Blocks[list[tuple[Array, Array]]], n_envs: int, longest: int):
        self.longest = longest
        self._draws = draws
        self._noise: list[tuple[Array, Array]] = []
        self._steps_left = np.zeros(n_envs, dtype=np.int64)

    def step(self) -> NumpyNoise:
        """The noise for one step of all envs."""
        if self.longest == 1:
            return iter(next(self._draws))
        ends = self._steps_left == 0
        if ends.any():
            fresh = next(self._draws)
            if not ends.all():
                kept = ~ends
                for new_layer, old_layer in zip(fresh, self._noise, strict=True):
                    for new, old in zip(new_layer, old_layer, strict=True):
                        new[kept] = old[kept]
            self._noise = fresh
            self._steps_left[ends] = np.random.randint(1, self.longest + 1, int(ends.sum()))
        self._steps_left -= 1
        return iter(self._noise)

    def state_dict(self) -> dict[str, Any]:
        return {"drawn": self._draws.rest(), "noise": self._noise, "steps_left": self._steps_left}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._draws.put_back(state["drawn"])
        self._noise, self._steps_left = state["noise"], state["steps_left"]

    def end_episodes(self, ended: NDArray[np.bool_]) -> None:
        """Ends the noise of the envs whose episode has ended, bool [n_envs]."""
        self._steps_left[ended] = 0
