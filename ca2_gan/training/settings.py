"""Settings as fields of dataclasses.

What is known of a setting stands at its field, and makes its check, its help, its option and its line in files.
"""

import types
import typing
from argparse import SUPPRESS, BooleanOptionalAction
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from reprlib import repr as short
from typing import Any, Literal

from ca2_core.errors import UserError
from ca2_core.settings import Setting, name_of


def setting(
    default: Any, help: str, *, name: str | None = None, is_common: bool = False, changes_result: bool = True, **limits: Any
) -> Any:
    """A field of a group of settings.

    :param default: ``dataclasses.MISSING`` where one has to be given
    :param help: what it does, in one line
    :param name: outside of Python, if it is not the field's; no two settings have the same
    :param is_common: whether the short help shows it
    :param changes_result: whether other weights come out if it changes
    :param limits: what numbers are allowed, as ``ca2_core.settings.Setting`` has it
    """
    facts = {"setting": Setting(help, changes_result=changes_result, **limits), "name": name, "is_common": is_common}
    return field(default=default, metadata=facts)


@dataclass(frozen=True)
class Entry:
    """A setting as a group has it.

    :param name: in files and calls
    :param attribute: of the group
    :param type: its annotation
    :param facts: what is known of it
    :param default: its value if none is given
    :param is_common: whether the short help shows it
    """

    name: str
    attribute: str
    type: Any
    facts: Setting
    default: Any
    is_common: bool

    @property
    def option(self) -> str:
        """On the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def kind(self) -> str:
        """What it may be, in words."""
        return "a path" if Path in typing.get_args(self.type) else name_of(self.type)

    def read(self, value: Any, origin: str, name: str | None = None) -> Any:
        """A value of a file, a command line or a call, as the group has it.

        :param origin: where the value stands, for messages
        :param name: what the setting is called there
        :raises UserError: if it can't be what is needed
        """
        called = name or self.name
        try:
            converted = _converted(value, self.type)
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"{origin}: {called}: {short(value)} can't be what is needed here, {self.kind}.") from None
        self.facts.check(called, converted, origin, self.type)
        return converted

    def add_to(self, parser: Any, default: Any, is_hidden: bool = False) -> None:
        """Adds its option, whose text ``read`` converts.

        :param parser: of argparse, or a group of one
        :param default: for the help
        :param is_hidden: whether the help leaves it out
        """
        shown = text_of(default)
        more = "; ".join(filter(None, [self.facts.range, shown and f"default: {shown}"]))
        text = SUPPRESS if is_hidden else (self.facts.help + f" ({more})" * bool(more)).replace("%", "%%")
        origin, arguments = typing.get_origin(self.type), typing.get_args(self.type)
        if bool in (self.type, *arguments):
            how: dict[str, Any] = {"action": BooleanOptionalAction}
        else:
            how = {"nargs": "*" if origin is tuple else None, "metavar": "|".join(arguments) if origin is Literal else "X"}
        parser.add_argument(self.option, dest=self.name, default=SUPPRESS, help=text, **how)


def text_of(value: Any) -> str:
    """A default as help and reference show it; empty for none."""
    if value in (None, MISSING, ()):
        return ""
    if isinstance(value, tuple):
        return " ".join(value)
    return f"{value:,}" if type(value) is int and value >= 10_000 else f"{value:g}" if isinstance(value, float) else str(value)


@cache
def entries(group: type) -> dict[str, Entry]:
    """The settings of a group by name; fields without the facts of a setting are none."""
    hints = typing.get_type_hints(group)
    found = [
        Entry(f.metadata["name"] or f.name, f.name, hints[f.name], f.metadata["setting"], f.default, f.metadata["is_common"])
        for f in fields(group)
        if f.metadata
    ]
    return {entry.name: entry for entry in found}


def make_group(group: type, values: Mapping[str, Any]) -> Any:
    """A group of the values by name that are its own, as ``Entry.read`` returned them."""
    return group(**{entry.attribute: values[name] for name, entry in entries(group).items() if name in values})


def flat(group: Any) -> dict[str, Any]:
    """The values of a group by the settings' names."""
    kind: Any = type(group)
    return {name: getattr(group, entry.attribute) for name, entry in entries(kind).items()}


def _converted(value: Any, hint: Any) -> Any:
    """A value as the annotation has it; raises ValueError where it can't be."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _converted(value, next(option for option in arguments if option is not type(None)))
    if origin is Literal:
        return arguments[arguments.index(value)]
    if origin is tuple and isinstance(value, dict):
        return tuple(f"{name}={item}" for name, item in value.items())
    if origin is tuple:
        return tuple(_converted(item, str) for item in ([value] if isinstance(value, str) else value))
    convert = CONVERSIONS.get(hint)
    if convert is not None and not isinstance(value, bool):
        return convert(value)
    if type(value) is not hint:
        raise ValueError(value)
    return value


def _whole(value: Any) -> int:
    """Also of '50_000', 5e4 and '5e4'."""
    number = int(value) if isinstance(value, str) and value.strip().lstrip("+-").replace("_", "").isdecimal() else value
    if not float(number).is_integer():
        raise ValueError(value)
    return int(number if isinstance(number, int) else float(number))


# By the type that is wanted; floats also of '2e-4', which YAML reads as text
CONVERSIONS: dict[Any, Callable[[Any], Any]] = {int: _whole, float: float, Path: Path}
