"""Settings as fields of dataclasses.

What is known of a setting stands at its field, and makes its check, its help, its option and its line in files.
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

    def read(self, value: Any, origin: str, name: str | None = None) -> Any:
        """A value of a file, a command line or a call, as the group has it.

        :param origin: where the value stands, for messages
        :param name: what the setting is called there
        :raises UserError: if it can't be what is needed
        """
        return self.facts.read(name or self.name, value, origin, self.type)

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
