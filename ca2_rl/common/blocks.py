"""Random numbers drawn for many steps at once: a call of a generator costs more than the few numbers of one step."""

from collections.abc import Callable, Iterator

import torch as th

STEPS = 32


def in_blocks(draw: Callable[[int], th.Tensor]) -> Iterator[th.Tensor]:
    """One row after the other of what ``draw`` gives for so many steps, [steps, ...]."""
    while True:
        yield from draw(STEPS).unbind()
