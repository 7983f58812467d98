"""Declarative settings: one entry defines a setting's check, its help text and its row in the reference page."""

import math
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as short
from typing import Any

from ca2_core.errors import UserError

WORDS = {
    **{float: "a number", int: "a whole number", bool: "true or false", str: "text", dict: "a mapping", list: "a list"},
    **{object: "a name or a list", type: "a class", tuple: "a list", Path: "a path"},
}


@dataclass(frozen=True)
class Setting:
    """Type and range of a setting.

    :param help: what the setting does, in one line
    :param type: a type annotation; None if only the code that takes the setting knows it
    :param low: lower bound, included
    :param high: upper bound, included
    :param above: lower bound, excluded
    :param below: upper bound, excluded
    :param also: allowed numbers outside the range
    :param may_be_infinite: whether infinity is allowed
    :param changes_result: whether the results depend on the setting
    """

    help: str
    type: Any = None
    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    also: tuple[float, ...] = ()
    may_be_infinite: bool = False
    changes_result: bool = True

    @property
    def range(self) -> str:
        """The allowed numbers, in words; empty if all are allowed."""
        if self.above > -math.inf:
            words = f"above {self.above:.10g}" + (f", at most {self.high:.10g}" if self.high < math.inf else "")
        elif self.low > -math.inf and self.below < math.inf:
            words = f"at least {self.low:.10g}, below {self.below:.10g}"
        elif self.low > -math.inf and self.high < math.inf:
            words = f"from {self.low:.10g} to {self.high:.10g}"
        elif self.low > -math.inf:
            words = f"at least {self.low:.10g}"
        elif self.high < math.inf:
            words = f"at most {self.high:.10g}"
        else:
            return ""
        return words + "".join(f", or {number:.10g}" for number in self.also)

    def read(self, name: str, value: Any, origin: str, type: Any = None) -> Any:
        """Converts a value of a file, a command line or a call to the setting's type and checks its range.

        :param name: name of the setting
        :param origin: where the value is from, for the message
        :param type: overrides the type of the table
        :raises UserError: if the value can't be converted, or is outside the range
        """
        annotation = self.type if type is None else type
        try:
            found = converted(value, annotation)
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"{origin}: {name}: {short(value)} can't be read as {name_of(annotation)}.") from None
        self.check(name, found, origin, annotation)
        return found

    def check(self, name: str, value: Any, origin: str, type: Any = None) -> None:
        """Checks the type and the range of a value.

        :param name: name of the setting
        :param value: as read from a file or a command line
        :param origin: where the value is from, for the message
        :param type: overrides the type of the table
        :raises UserError: if the value has another type or is outside the range
        """
        annotation = self.type if type is None else type
        if not fits(value, annotation):
            raise UserError(f"{origin}: {name}: {name_of(annotation)} is needed, this is {describe(value)}.")
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return
        if math.isnan(value) or (math.isinf(value) and not self.may_be_infinite):
            raise UserError(f"{origin}: {name}={value}: a finite number is needed.")
        is_inside = self.low <= value <= self.high and value > self.above and (value < self.below or self.below == math.inf)
        if value not in self.also and not is_inside:
            raise UserError(f"{origin}: {name}={value}: it has to be {self.range}.")


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value of a YAML file has the type of an annotation; True for annotations that can't be checked."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in typing.get_args(annotation))
    if origin is typing.Literal:
        return value in typing.get_args(annotation)
    if origin is tuple:
        return isinstance(value, (list, tuple))  # YAML has no tuples
    plain = origin or annotation
    if plain in (int, float) and isinstance(value, bool):
        return False
    if plain is float:
        return isinstance(value, (int, float))
    if plain is Callable:
        return callable(value)
    return isinstance(value, plain) if isinstance(plain, type) else True


def name_of(annotation: Any) -> str:
    """Describes a type annotation to a user, such as "a whole number"."""
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(map(repr, typing.get_args(annotation)))
    options = typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, types.UnionType) else [annotation]
    kinds = [kind for kind in (typing.get_origin(option) or option for option in options) if kind in WORDS]
    if not kinds:
        return str(annotation)
    *others, last = [word for kind in kinds for word in WORDS[kind].split(" or ")] + ["None"] * (type(None) in options)
    return f"{', '.join(others)} or {last}" if others else last


def describe(value: Any) -> str:
    """Describes a value of a YAML file to a user, such as "text: 'abc'"."""
    kinds = {str: "text", list: "a list", dict: "a mapping", bool: "true/false", int: "a number", float: "a number"}
    return "empty" if value is None else f"{kinds.get(type(value), type(value).__name__)}: {value!r}"


def converted(value: Any, hint: Any) -> Any:
    """Converts a value to the type of an annotation.

    :raises ValueError: if that is impossible; for some values TypeError or OverflowError
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return converted(value, next(option for option in arguments if option is not type(None)))
    if origin is typing.Literal:
        return arguments[arguments.index(value)]
    if origin is tuple and isinstance(value, dict):
        return tuple(f"{name}={item}" for name, item in value.items())
    if origin is tuple:
        return tuple(converted(item, str) for item in ([value] if isinstance(value, str) else value))
    convert = CONVERSIONS.get(hint)
    if convert is not None and not isinstance(value, bool):
        return convert(value)
    if type(value) is not hint:
        raise ValueError(value)
    return value


def _whole(value: Any) -> int:
    """A whole number, also from '50_000', 5e4 and '5e4'."""
    number = int(value) if isinstance(value, str) and value.strip().lstrip("+-").replace("_", "").isdecimal() else value
    if not float(number).is_integer():
        raise ValueError(value)
    return int(number if isinstance(number, int) else float(number))


def _text(value: Any) -> str:
    """A string, also from an int: YAML reads ``resize: 28`` as one."""
    if not isinstance(value, str) and type(value) is not int:
        raise ValueError(value)
    return str(value)


# By target type. float also converts '2e-4', which YAML reads as text
CONVERSIONS: dict[Any, Callable[[Any], Any]] = {int: _whole, float: float, str: _text, Path: Path}
