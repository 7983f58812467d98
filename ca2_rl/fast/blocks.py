"""Draws random numbers for many steps at once, because each call of a generator costs more than the few numbers of one step."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
STEPS = 32


class Blocks(Iterator[T], Generic[T]):
    """Iterator over the items that ``draw`` makes, 32 steps at a time.

    :param draw: number of steps -> one item for each step
    :param rest: items that were drawn before and come first
    """

    def __init__(self, draw: Callable[[int], Iterable[T]], rest: Iterable[T] = ()):
        self._draw = draw
        self._rest = iter(rest)

    def __next__(self) -> T:
        for drawn in self._rest:
            return drawn
        self._rest = iter(self._draw(STEPS))
        return next(self._rest)

    def put_back(self, rest: Iterable[T]) -> None:
        """Replaces the items that have been drawn and not taken yet."""
        self._rest = iter(rest)

    def rest(self) -> list[T]:
        """The items that have been drawn and not taken yet."""
        rest = list(self._rest)
        self._rest = iter(rest)
        return rest
