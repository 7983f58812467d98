"""Reading a study's YAML file. Each mistake is one line that names the file and the key."""

from argparse import ArgumentTypeError
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from ca2_core.arguments import MAX_SEED
from ca2_core.errors import UserError, did_you_mean
from ca2_core.modules import search
from ca2_core.settings import WORDS
from ca2_core.yaml_files import read_yaml

T = TypeVar("T")


@dataclass(frozen=True)
class Section:
    """A mapping in the file.

    :param values: its entries
    :param place: file and keys that lead to it, for messages
    """

    values: Mapping[str, Any]
    place: str

    def error(self, key: str, problem: str) -> UserError:
        """The error to raise for a wrong entry."""
        return UserError(f"{self.place_of(key)}: {problem}")

    def place_of(self, key: str) -> str:
        """File and keys that lead to an entry."""
        return f"{self.place}{'.' if ', ' in self.place else ', '}{key}"

    @contextmanager
    def naming(self, key: str = "") -> Iterator[None]:
        """Adds the file and the keys to errors about wrong values in the block.

        :param key: the entry that they are about; empty for the whole section
        """
        try:
            yield
        except (UserError, ArgumentTypeError) as error:
            raise UserError(f"{self.place_of(key) if key else self.place}: {error}") from error

    def check_keys(self, known: Collection[str]) -> None:
        """Raises ``UserError`` for an unknown key."""
        for key in self.values:
            if key not in known:
                raise self.error(key, f"no such key.{did_you_mean(str(key), known)} There are {', '.join(known)}.")

    def get(self, key: str, kind: type[T], default: T) -> T:
        """An entry of a type. An int is accepted as a float, and a whole float as an int.

        :raises UserError: if the entry has another type
        """
        value = self.values.get(key)
        if value is None:
            return default
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and (kind is float or (kind is int and float(value).is_integer())):
            return kind(value)  # type: ignore[call-arg]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(key, f"{WORDS[kind]} is needed, this is {value!r}.")
        return value

    def at_least(self, key: str, least: int, default: int) -> int:
        """A whole number with a lower bound, which the default need not respect."""
        value = self.get(key, int, default)
        if key in self.values and value < least:
            raise self.error(key, f"at least {least} is needed, this is {value}.")
        return value

    def section(self, key: str) -> "Section":
        """The mapping under a key; an empty one if the key is missing."""
        return Section(self.get(key, dict, {}), self.place_of(key))

    def sections(self, key: str) -> dict[str, "Section"]:
        """The mappings within a mapping, by name. At least one is required."""
        named = self.section(key)
        if not named.values:
            raise self.error(key, "at least one is needed: a mapping from names to settings.")
        return {str(name): named.section(name) for name in named.values}

    def names(self, key: str, known: Iterable[str] | None = None) -> list[str] | None:
        """A list of strings; None if the key is missing.

        :param known: the allowed strings; None for any
        """
        if key not in self.values:
            return None
        found = self.get(key, list, [])
        for name in found:
            if not isinstance(name, str):
                raise self.error(key, f"a list of names is needed, this has {name!r}.")
            if known is not None and name not in known:
                raise self.error(key, f"there is no {name!r}.{did_you_mean(name, known)}")
        return found

    def seeds(self, key: str, default: int) -> list[int]:
        """The seeds: the entry is a number of seeds, which start from 0, or a list of seeds."""
        value = self.values.get(key, default)
        if isinstance(value, list):
            if not value or not all(isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= MAX_SEED for seed in value):
                raise self.error(key, f"whole numbers from 0 to {MAX_SEED} are needed, this is {value}.")
            if len(set(value)) < len(value):
                raise self.error(key, f"a seed appears twice in {value}.")
            return value
        return list(range(self.at_least(key, 1, default)))


def import_modules(names: Iterable[str]) -> None:
    """Imports modules that register something, such as an algorithm, on import."""
    for name in names:
        import_module(name)


def find_modules(content: Section, key: str, folder: Path) -> list[str]:
    """Imports the modules that an entry names and returns the names.

    :param folder: searched for modules in addition to the installed ones
    :raises UserError: if a module can't be imported
    """
    names = content.names(key) or []
    if names:
        search(folder)
    try:
        import_modules(names)
    except Exception as error:  # whatever the user's code raises
        raise content.error(key, f"can't be imported: {error}. A module has to be installed or next to the file.") from error
    return names


def read_file(path: Path) -> Section:
    """The content of a study's YAML file.

    :raises UserError: if the file is missing, not YAML, or not a mapping
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: a mapping with the keys of a study is needed.")
    return Section(content, str(path))
