"""Access to a student's code for the checks."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ca2_core.course.exercise import SkippedError, WrongError
from ca2_core.errors import did_you_mean

T = TypeVar("T")


class Student:
    """The names that a student's file defines, after it has run.

    :param names: names and their values
    """

    def __init__(self, names: Mapping[str, Any]):
        self._names = names
        self._made: dict[Callable[[Student], Any], Any] = {}

    def __getitem__(self, name: str) -> Any:
        """A function, class or constant.

        :raises WrongError: if the file does not define it
        """
        if name not in self._names:
            near = did_you_mean(name, self._names).replace("Did you mean", "Is it called")
            raise WrongError(f"the file does not define `{name}`. The checks need exactly that name.{near}")
        return self._names[name]

    def once(self, make: "Callable[[Student], T]") -> T:
        """A result that takes long and that several checks use, such as a trained model. It is made once.

        :param make: makes the result; called for the first check that asks
        :raises SkippedError: if an earlier call of ``make`` failed
        """
        if make not in self._made:
            self._made[make] = SkippedError("a check above has to pass first")
            self._made[make] = make(self)
        made: T | SkippedError = self._made[make]
        if isinstance(made, SkippedError):
            raise made
        return made
