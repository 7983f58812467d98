"""A finite set of actions for any space that DQN can act in."""

from typing import Any

import numpy as np
from gymnasium import spaces

from ca2_core.errors import UserError
from ca2_rl.common.random_numbers import set_space_state, space_state

MAX_ACTIONS = 4096


class ActionBins:
    """The actions a Q-network chooses from: a grid over a Box, or the actions of a Discrete space as they are.

    A Box of shape [*shape] gets ``n_bins`` evenly spaced values per dimension, both end points included, and all
    their combinations. End points matter: bin centres lose the full torque of Pendulum, and for odd counts the
    middle of the range is there too.

    :param space: Box with finite bounds, or Discrete
    :param n_bins: values per dimension of a Box, at least 2; ignored for Discrete
    :raises UserError: if the space is of another kind, ``n_bins`` is below 2, or the grid has over 4,096 actions
    """

    def __init__(self, space: spaces.Space[Any], n_bins: int):
        if isinstance(space, spaces.Discrete):
            self.actions = np.arange(space.start, space.start + space.n)
        elif isinstance(space, spaces.Box):
            self.actions = _grid(space, n_bins)
        else:
            raise UserError(f"a DQN acts in a Box or Discrete space, not in {space}. SB3's PPO and A2C may accept it.")
        self.index_space = spaces.Discrete(len(self.actions))

    def state_dict(self) -> dict[str, Any]:
        """Of the generator of random actions."""
        return {"random": space_state(self.index_space)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        set_space_state(self.index_space, state["random"])


def _grid(box: spaces.Box, n_bins: int) -> np.ndarray:
    """All combinations of ``n_bins`` values per dimension: [n_bins ** dims, *box.shape], dtype of the box."""
    if isinstance(n_bins, bool) or not isinstance(n_bins, (int, np.integer)) or n_bins < 2:
        raise UserError(f"n_bins={n_bins!r}: give a whole number of at least 2, so that both ends of the range are there.")
    if not box.is_bounded():
        raise UserError(f"{box} has no finite bounds: wrap the env so that its actions lie in a bounded Box.")
    dims = int(np.prod(box.shape))
    if n_bins**dims > MAX_ACTIONS:
        most = int(MAX_ACTIONS ** (1 / dims) + 1e-9)
        advice = f"n_bins={most} fits" if most >= 2 else "use an actor-critic such as ouddpg"
        size = f"{n_bins:,}" if dims == 1 else f"{n_bins}^{dims}"
        raise UserError(f"n_bins={n_bins} makes {size} actions, over {MAX_ACTIONS:,}: {advice}.")
    low, high = box.low.ravel().astype(np.float64), box.high.ravel().astype(np.float64)
    # A Box of integers may have fewer values than bins
    axes = [np.unique(np.linspace(low[i], high[i], n_bins).astype(box.dtype)) for i in range(dims)]
    combinations = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return combinations.reshape(-1, *box.shape)
