"""Saves and restores the states of the random generators that a training uses."""

import random
from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces


def global_state() -> dict[str, Any]:
    """States of Python's, NumPy's and PyTorch's global generators."""
    cuda = th.cuda.get_rng_state_all() if th.cuda.is_initialized() else []
    return {"python": random.getstate(), "numpy": np.random.get_state(), "torch": th.get_rng_state(), "cuda": cuda}


def set_global_state(state: dict[str, Any]) -> None:
    """Restores the states of the global generators."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    th.set_rng_state(state["torch"])
    if state["cuda"] and th.cuda.is_available():
        th.cuda.set_rng_state_all(state["cuda"])


def generator_state(generator: np.random.Generator | None) -> Any:
    """State of a NumPy generator; None if the generator does not exist yet."""
    return None if generator is None else generator.bit_generator.state


def generator(state: Any) -> np.random.Generator | None:
    """A NumPy generator with a given state; None for the state None.

    :raises ValueError: if the state is not that of a PCG64, the generator that Gymnasium uses
    """
    if state is None:
        return None
    made = np.random.Generator(np.random.PCG64())
    made.bit_generator.state = state  # ValueError for another kind
    return made


def space_state(space: spaces.Space[Any]) -> Any:
    """States of the generators of a space and of the spaces in it."""
    return [generator_state(space._np_random), [space_state(part) for part in _parts(space)]]


def set_space_state(space: spaces.Space[Any], state: Any) -> None:
    """Restores the states of a space's generators."""
    space._np_random = generator(state[0])  # type: ignore[assignment]
    for part, its in zip(_parts(space), state[1], strict=True):
        set_space_state(part, its)


def _parts(space: spaces.Space[Any]) -> list[spaces.Space[Any]]:
    inner = getattr(space, "spaces", ())
    return list(inner.values()) if isinstance(inner, dict) else list(inner)
