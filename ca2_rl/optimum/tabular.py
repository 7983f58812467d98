"""The best possible expected return of environments that publish their model as a table of transitions."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

# Once a further step changes no value by this much, the values are assumed to have converged
CONVERGED = 1e-9

Transitions = Mapping[int, Mapping[int, Sequence[tuple[float, int, float, bool]]]]


class TabularOptimum:
    """Exact values of a finite model by backward induction: V_0 = 0, V_k(s) = max_a sum_s' p(s') (r + V_{k-1}(s')), undiscounted.

    :param transitions: by state and action, a list of (probability, next state, reward, whether the episode ends), like Gymnasium's ``P``
    :param horizon: steps of an episode; None without a time limit, in which case the values have to converge
    """

    state_attribute = "s"
    is_cached = True  # the computation takes less than a second

    def __init__(self, transitions: Transitions, horizon: int | None = None):
        n, m = len(transitions), len(transitions[0])
        # One row per outcome: the index of its state-action pair, then its fields
        outcomes = [(s * m + a, *outcome) for s, actions in transitions.items() for a in actions for outcome in actions[a]]
        pairs, probabilities, next_states, gains, are_over = (np.array(column) for column in zip(*outcomes, strict=True))
        rewards = np.bincount(pairs, probabilities * gains, n * m)
        weights = csr_matrix((probabilities * ~are_over, (pairs, next_states.astype(int))), shape=(n * m, n))
        self.values, steps = np.zeros(n), 0
        while horizon is None or steps < horizon:
            before, steps = self.values, steps + 1
            self.values = (rewards + weights @ before).reshape(n, m).max(axis=1)
            if np.abs(self.values - before).max() < CONVERGED:
                break

    def returns(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Expected return of the best policy from each initial state: [N] -> [N]."""
        found: NDArray[np.float64] = self.values[starts]
        return found
