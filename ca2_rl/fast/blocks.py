"""Random numbers drawn for many steps at once: a call of a generator costs more than the few numbers of one step."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
STEPS = 32


class Blocks(Iterator[T], Generic[T]):
    """One after the other of what ``draw`` gives for so many steps.

    :param draw: a number of steps -> what is drawn for each
    :param rest: what was drawn before and comes first
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
        """Gives this next, in place of what is drawn."""
        self._rest = iter(rest)

    def rest(self) -> list[T]:
        """What is drawn and not taken yet."""
        rest = list(self._rest)
        self._rest = iter(rest)
        return rest
