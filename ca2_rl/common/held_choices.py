"""Random actions that last, so that exploring gets somewhere: a new one at each step cancels out (Dabney et al. 2021)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


class HeldChoices:
    """Random choices of several envs, each kept for 1 to ``longest`` steps, all equally likely.

    :param n_envs: number of envs
    :param longest: steps, at least 1
    """

    def __init__(self, n_envs: int, longest: int):
        self.longest = longest
        self._choices = np.zeros(n_envs, dtype=np.int64)
        self._steps_left = np.zeros(n_envs, dtype=np.int64)

    def over(self, greedy: Indices, share: float, draw: Callable[[int], Indices]) -> Indices:
        """The choices of one step.

        :param greedy: what is chosen where no random choice is held: [n_envs]
        :param share: of all steps that are random in the long run, in [0, 1]
        :param draw: a number -> as many random choices
        :return: [n_envs]
        """
        mean = (1 + self.longest) / 2
        # A free step starts a choice with probability p, and share = p mean / (p mean + 1 - p)
        p = share / (mean - share * (mean - 1))
        starts = (self._steps_left == 0) & (np.random.random_sample(len(greedy)) < p)
        if n := int(starts.sum()):
            self._choices[starts] = draw(n)
            self._steps_left[starts] = np.random.randint(1, self.longest + 1, n)
        held = self._steps_left > 0
        self._steps_left -= held
        return np.where(held, self._choices, greedy)
