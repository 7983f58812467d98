"""What the docs have of the project's own studies: tables and figures next to the commands' general report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ca2_core.errors import UserError, did_you_mean
from ca2_core.study.results import Results

FILES = Path(__file__).parent / "studies"


@dataclass(frozen=True)
class DocsTable:
    """A table of the docs.

    :param title: what it shows, as a caption
    :param make: its Markdown, with a sentence on how to read it where needed
    """

    title: str
    make: Callable[[Results], str]


@dataclass(frozen=True)
class Picture:
    """A figure of the docs, likewise."""

    title: str
    make: Callable[[Results], Figure]


@dataclass(frozen=True)
class Report:
    """What the docs have of a study.

    :param tables: by name
    :param pictures: by name
    :param kept: of a record, what the docs' measurements keep
    """

    tables: dict[str, DocsTable]
    pictures: dict[str, Picture] = field(default_factory=dict)
    kept: Callable[[dict[str, Any]], dict[str, Any]] = lambda record: record


def without(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Keeps all of a record but these entries."""
    return lambda record: {name: value for name, value in record.items() if name not in names}


def find_module(package: str, names: Sequence[str], name: str) -> Any:
    """The module of a study.

    :param names: of all studies
    :raises UserError: if it is none of them
    """
    if name not in names:
        raise UserError(f"no study named {name!r}.{did_you_mean(name, names)} There are {', '.join(names)}.")
    return import_module(f"{package}.{name.replace('-', '_')}")
