"""The file of a study, read so that each mistake is one line with the file and the key."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ca2_core.errors import UserError, did_you_mean

MAX_SEED = 2**32 - 1  # NumPy's
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a mapping"}

T = TypeVar("T")


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]  # of those that << adds, an own one wins
        names = [self.construct_object(key, deep=True) for key in own]
        for i, (key, name) in enumerate(zip(own, names, strict=True)):
            if name in names[:i]:
                raise yaml.MarkedYAMLError(problem=f"{name!r} is there twice", problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)


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
            raise self.error(key, f"{KINDS[kind]} is needed, this is {value!r}.")
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


def read_file(path: Path) -> Section:
    """The content of a YAML file.

    :raises UserError: if it is missing, not YAML, or no mapping
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (it is a SafeLoader)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}. Give the YAML file of a study.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: a mapping with the keys of a study is needed.")
    return Section(content, str(path))
