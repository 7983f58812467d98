"""Random actions: epsilon-greedy, and epsilon-z-greedy, which repeats a random action for several steps.

Independent random actions cancel each other out; a repeated action reaches more distant states (Dabney et al. 2021,
https://arxiv.org/abs/2006.01782).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def epsilon_greedy(greedy: NDArray[np.generic], epsilon: float, draw: Callable[[int], NDArray[np.generic]]) -> None:
    """Replaces each entry of ``greedy`` [N, ...] by a random one with probability ``epsilon``, in place.

    :param draw: n -> n random entries
    """
    if epsilon == 0:
        return
    explores = [i for i, coin in enumerate(np.random.random_sample(len(greedy)).tolist()) if coin < epsilon]
    if explores:
        greedy[explores] = draw(len(explores))


class EZGreedy:
    """Epsilon-z-greedy for several envs: a random action lasts 1 to ``longest`` steps, all equally likely, but ends with the episode.

    Each action is random with probability epsilon, whatever ``longest`` is. With ``longest`` 1, this is epsilon-greedy.

    :param n_envs: number of envs
    :param longest: longest duration in steps, at least 1
    :param shape: shape of an action's index
    """

    def __init__(self, n_envs: int, longest: int, shape: tuple[int, ...] = ()):
        self.longest = longest
        self._actions = np.zeros((n_envs, *shape), dtype=np.int64)
        self._steps_left = np.zeros(n_envs, dtype=np.int64)
        self._is_new = np.ones(n_envs, dtype=bool)  # whether the episode has no step yet

    def act(self, greedy: Indices, epsilon: float, draw: Callable[[int], Indices]) -> Indices:
        """The actions of one step.

        :param greedy: greedy actions, for the envs without a random action: [n_envs, *shape]
        :param epsilon: probability of a random action, in [0, 1]
        :param draw: n -> n random actions
        :return: [n_envs, *shape]
        """
        if self.longest == 1:
            epsilon_greedy(greedy, epsilon, draw)
            return greedy
        n, longest = len(greedy), self.longest
        mean = (1 + longest) / 2
        # A step without a random action starts one with probability p, so that epsilon = p mean / (p mean + 1 - p). The first step
        # of an episode is drawn from the stationary distribution: it lies within a random action with probability epsilon
        p = np.where(self._is_new, epsilon, epsilon / (mean - epsilon * (mean - 1)))
        starts = (self._steps_left == 0) & (np.random.random_sample(n) < p)
        if starts.any():
            durations = np.random.randint(1, longest + 1, n)
            # Remaining duration at a random step of a random action: r with probability proportional to longest + 1 - r
            durations = np.where(self._is_new, np.minimum(durations, np.random.randint(1, longest + 2, n)), durations)
            self._steps_left[starts] = durations[starts]
            self._actions[starts] = draw(int(starts.sum()))
        held = self._steps_left > 0
        self._steps_left -= held
        self._is_new[:] = False
        return np.where(held.reshape(n, *[1] * (greedy.ndim - 1)), self._actions, greedy)

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        return {"actions": self._actions, "steps_left": self._steps_left, "is_new": self._is_new}

    def load_state_dict(self, state: dict[str, NDArray[np.generic]]) -> None:
        self._actions[:], self._steps_left[:], self._is_new[:] = state["actions"], state["steps_left"], state["is_new"]

    def end_episodes(self, ended: NDArray[np.bool_]) -> None:
        """Ends the random actions of the envs whose episode has ended, bool [n_envs]."""
        self._steps_left[ended] = 0
        self._is_new[ended] = True
