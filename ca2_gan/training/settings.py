"""Settings as fields of dataclasses.

A field defines all about its setting: the check, the help text, the option and the entry in files come from it.
"""

import typing
from argparse import SUPPRESS, BooleanOptionalAction
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Literal

from ca2_core.settings import Setting


def setting(
    default: Any, help: str, *, name: str | None = None, is_common: bool = False, changes_result: bool = True, **limits: Any
) -> Any:
    """A field of a group of settings.

    :param default: ``dataclasses.MISSING`` if a value has to be given
    :param help: what the setting does, in one line
    :param name: name in files, calls and options, if it is not the field's; each setting has a different one
    :param is_common: whether the short help shows it
    :param changes_result: whether another value changes the trained weights
    :param limits: which numbers are allowed, as for ``ca2_core.settings.Setting``
    """
    facts = {"setting": Setting(help, changes_result=changes_result, **limits), "name": name, "is_common": is_common}
    return field(default=default, metadata=facts)


@dataclass(frozen=True)
class Entry:
    """A setting of a group.

    :param name: name in files and calls
    :param attribute: name of the group's field
    :param type: annotation of the field
    :param facts: help text and allowed values
    :param default: value if none is given
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
        """Name on the command line."""
        return "--" + self.name.replace("_", "-")

    def read(self, value: Any, origin: str, name: str | None = None) -> Any:
        """Checks a value of a file, a command line or a call, and converts it to the field's type.

        :param origin: where the value comes from, for messages
        :param name: name of the setting there, if it differs
        :raises UserError: if the value is invalid
        """
        return self.facts.read(name or self.name, value, origin, self.type)

    def add_to(self, parser: Any, default: Any, is_hidden: bool = False) -> None:
        """Adds the setting's option to a parser; ``read`` converts its text.

        :param parser: an ArgumentParser of argparse, or one of its groups
        :param default: value shown in the help
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
    """Text of a default in the help and the reference; empty if there is none."""
    if value in (None, MISSING, ()):
        return ""
    if isinstance(value, tuple):
        return " ".join(value)
    return f"{value:,}" if type(value) is int and value >= 10_000 else f"{value:g}" if isinstance(value, float) else str(value)


@cache
def entries(group: type) -> dict[str, Entry]:
    """The settings of a group by name; fields without metadata are not settings."""
    hints = typing.get_type_hints(group)
    found = [
        Entry(f.metadata["name"] or f.name, f.name, hints[f.name], f.metadata["setting"], f.default, f.metadata["is_common"])
        for f in fields(group)
        if f.metadata
    ]
    return {entry.name: entry for entry in found}


def make_group(group: type, values: Mapping[str, Any]) -> Any:
    """Makes a group from values by name, as ``Entry.read`` returned them; those of other groups are ignored."""
    return group(**{entry.attribute: values[name] for name, entry in entries(group).items() if name in values})


def flat(group: Any) -> dict[str, Any]:
    """The values of a group by the settings' names."""
    kind: Any = type(group)
    return {name: getattr(group, entry.attribute) for name, entry in entries(kind).items()}
