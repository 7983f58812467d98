"""Random numbers drawn for many steps at once: a call of a generator costs more than the few numbers of one step."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
STEPS = 32


def in_blocks(draw: Callable[[int], Iterable[T]]) -> Iterator[T]:
    """One after the other of what ``draw`` gives for so many steps."""
    while True:
        yield from draw(STEPS)
