"""Types and actions for command-line options, with one-line errors."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ca2_core.errors import UserError

MAX_SEED = 2**32 - 1  # NumPy's


class Parser(argparse.ArgumentParser):
    """``argparse.ArgumentParser`` that raises ``UserError`` instead of printing its usage and exiting."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}. `{self.prog} --help` shows the options.")


def at_least(least: int, most: int | None = None, also: Sequence[int] = ()) -> Callable[[str], int]:
    """Type of an option whose value is a whole number from ``least`` to ``most``, or one of ``also``."""

    def convert(text: str) -> int:
        number = int(text)
        if number < least and number not in also:
            raise argparse.ArgumentTypeError(f"at least {least:,} is needed, not {number:,}")
        if most is not None and number > most:
            raise argparse.ArgumentTypeError(f"at most {most:,}, not {number:,}")
        return number

    convert.__name__ = "int"  # argparse uses this name in its message for text that is not a number
    return convert


seed = at_least(0, MAX_SEED)


def folder(text: str) -> str:
    """Type of an option that names a folder to write to. The folder need not exist yet."""
    for path in (Path(text), *Path(text).parents):
        if path.is_file():
            raise argparse.ArgumentTypeError(f"{path} is a file, a folder is needed")
    return text


class Renamed(argparse.Action):
    """A deprecated name of an option: does what the new name does and prints a warning on stderr.

    :param new: the option's current name
    """

    def __init__(self, option_strings: Sequence[str], dest: str, new: str, **options: Any):
        super().__init__(option_strings, dest, **options | {"help": argparse.SUPPRESS, "default": argparse.SUPPRESS})
        self.new = new

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        print(f"{parser.prog}: {option_string} is now {self.new}; the old name will be removed in the next release.", file=sys.stderr)
        setattr(namespace, self.dest, values)
