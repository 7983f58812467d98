"""Finite sets of actions for the spaces that DQN can act in: one set for the whole action, or one for each of its dimensions."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from gymnasium import spaces

from ca2_core.errors import UserError
from ca2_rl.common.random_numbers import set_space_state, space_state

MAX_ACTIONS = 4096


class Bins(ABC):
    """Maps indices, from which a network chooses, to actions of the env."""

    index_space: spaces.Space[Any]
    """Space of the index, or indices, of one action."""
    width: int
    """Number of values that each index can have."""
    n_branches: int | None
    """Number of indices that make up an action; None for a single scalar index."""
    actions: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the index of one action."""
        return () if self.n_branches is None else (self.n_branches,)

    @abstractmethod
    def of(self, indices: np.ndarray) -> np.ndarray:
        """Actions of the env for some indices: int64 [N] or [N, n_branches] -> [N, *action shape]."""

    def state_dict(self) -> dict[str, Any]:
        """State of the generator of random actions."""
        return {"random": space_state(self.index_space)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        set_space_state(self.index_space, state["random"])


class ActionBins(Bins):
    """The actions from which a Q-network chooses: a grid over a Box, or the actions of a Discrete space.

    A Box of shape [*shape] gets ``n_bins`` evenly spaced values per dimension, both end points included, and all
    their combinations. End points matter: with bin centres, Pendulum's full torque would be missing. An odd number
    of bins includes the middle of the range.

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
        self.width, self.n_branches = len(self.actions), None

    def of(self, indices: np.ndarray) -> np.ndarray:
        actions: np.ndarray = self.actions[indices]
        return actions


class BranchBins(Bins):
    """A separate choice in each dimension of a Box or MultiDiscrete space, so that the number of outputs is a sum instead of a product.

    If dimensions have different numbers of values, the last value of the shorter ones is repeated.

    :param space: Box with finite bounds, or MultiDiscrete
    :param n_bins: values per dimension of a Box, at least 2, at most 4,096; ignored for MultiDiscrete
    :raises UserError: if the space is of another kind, or ``n_bins`` is out of its range
    """

    def __init__(self, space: spaces.Space[Any], n_bins: int):
        if isinstance(space, spaces.MultiDiscrete):
            lows, sizes = space.start.ravel(), space.nvec.ravel()
            axes = [np.arange(low, low + size, dtype=space.dtype) for low, size in zip(lows, sizes, strict=True)]
        elif isinstance(space, spaces.Box):
            axes = _axes(space, n_bins)
        else:
            raise UserError(f"branching=True needs a Box or MultiDiscrete space, not {space}. Leave it out.")
        self._shape: tuple[int, ...] = space.shape or ()
        sizes = np.array([len(axis) for axis in axes])
        if sizes.max() > MAX_ACTIONS:
            raise UserError(f"n_bins={n_bins}: at most {MAX_ACTIONS:,} values in a dimension.")
        self.index_space = spaces.MultiDiscrete(sizes)
        self.width, self.n_branches = int(sizes.max()), len(axes)
        self.actions = np.stack([np.pad(axis, (0, self.width - len(axis)), mode="edge") for axis in axes])  # [n_branches, width]

    def of(self, indices: np.ndarray) -> np.ndarray:
        chosen: np.ndarray = self.actions[np.arange(len(self.actions)), indices]
        return chosen.reshape(-1, *self._shape)


def _axes(box: spaces.Box, n_bins: int) -> list[np.ndarray]:
    """The values of each dimension, in the dtype of the box. A Box of integers may have fewer values than ``n_bins``."""
    if isinstance(n_bins, bool) or not isinstance(n_bins, (int, np.integer)) or n_bins < 2:
        raise UserError(f"n_bins={n_bins!r}: give a whole number of at least 2, so that both ends of the range are included.")
    if not box.is_bounded():
        raise UserError(f"{box} has no finite bounds: wrap the env so that its actions lie in a bounded Box.")
    low, high = box.low.ravel().astype(np.float64), box.high.ravel().astype(np.float64)
    return [np.unique(np.linspace(low[i], high[i], n_bins).astype(box.dtype)) for i in range(len(low))]


def _grid(box: spaces.Box, n_bins: int) -> np.ndarray:
    """All combinations of ``n_bins`` values per dimension: [n_bins ** dims, *box.shape], dtype of the box."""
    axes = _axes(box, n_bins)
    dims = int(np.prod(box.shape))
    if n_bins**dims > MAX_ACTIONS:
        most = int(MAX_ACTIONS ** (1 / dims) + 1e-9)
        advice = f"use n_bins={most}" if most >= 2 else "use an actor-critic such as ouddpg"
        advice += ", or branching=True, which chooses in each dimension separately" if dims > 1 else ""
        size = f"{n_bins:,}" if dims == 1 else f"{n_bins}^{dims}"
        raise UserError(f"n_bins={n_bins} makes {size} actions, over {MAX_ACTIONS:,}: {advice}.")
    combinations = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return combinations.reshape(-1, *box.shape)
