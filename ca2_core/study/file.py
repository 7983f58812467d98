"""The file of a study, read so that each mistake is one line with the file and the key."""

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
    """A mapping of the file.

    :param values: what it says
    :param place: file and keys that lead there, for messages
    """

    values: Mapping[str, Any]
    place: str

    def error(self, key: str, problem: str) -> UserError:
        """What to raise for a wrong entry."""
        return UserError(f"{self.place_of(key)}: {problem}")

    def place_of(self, key: str) -> str:
        """File and keys that lead to an entry."""
        return f"{self.place}{'.' if ', ' in self.place else ', '}{key}"

    @contextmanager
    def naming(self, key: str = "") -> Iterator[None]:
        """Adds file and keys to what is raised in the block for a wrong value: that of an entry, or of the section as a whole."""
        try:
            yield
        except (UserError, ArgumentTypeError) as error:
            raise UserError(f"{self.place_of(key) if key else self.place}: {error}") from error

    def check_keys(self, known: Collection[str]) -> None:
        """Raises ``UserError`` for a key that means nothing here."""
        for key in self.values:
            if key not in known:
                raise self.error(key, f"no such key.{did_you_mean(str(key), known)} There are {', '.join(known)}.")

    def get(self, key: str, kind: type[T], default: T) -> T:
        """An entry of a kind; an int is a float, too.

        :raises UserError: if it is of another kind
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
        """A whole number; the default may be any."""
        value = self.get(key, int, default)
        if key in self.values and value < least:
            raise self.error(key, f"at least {least} is needed, this is {value}.")
        return value

    def section(self, key: str) -> "Section":
        """A mapping; an empty one if it is not there."""
        return Section(self.get(key, dict, {}), self.place_of(key))

    def sections(self, key: str) -> dict[str, "Section"]:
        """The mappings of a mapping by their names, at least one."""
        named = self.section(key)
        if not named.values:
            raise self.error(key, "at least one is needed: a mapping from names to settings.")
        return {str(name): named.section(name) for name in named.values}

    def names(self, key: str, known: Iterable[str] | None = None) -> list[str] | None:
        """A list of texts; None if it is not there.

        :param known: what may be in it
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
        """A number of seeds, counted from 0, or a list of them."""
        value = self.values.get(key, default)
        if isinstance(value, list):
            if not value or not all(isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= MAX_SEED for seed in value):
                raise self.error(key, f"whole numbers from 0 to {MAX_SEED} are needed, this is {value}.")
            if len(set(value)) < len(value):
                raise self.error(key, f"a seed is there twice in {value}.")
            return value
        return list(range(self.at_least(key, 1, default)))


def import_modules(names: Iterable[str]) -> None:
    """Imports what registers things, in whatever process this is."""
    for name in names:
        import_module(name)


def find_modules(content: Section, key: str, folder: Path) -> list[str]:
    """The modules that an entry names, after their import.

    :param folder: where they may be, too
    :raises UserError: if one can't be imported
    """
    names = content.names(key) or []
    if names:
        search(folder)
    try:
        import_modules(names)
    except Exception as error:  # whatever the user's code raises
        raise content.error(key, f"can't be imported: {error}. Modules next to the file are found.") from error
    return names


def read_file(path: Path) -> Section:
    """The content of a YAML file.

    :raises UserError: if it is missing, not YAML, or no mapping
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: a mapping with the keys of a study is needed.")
    return Section(content, str(path))
