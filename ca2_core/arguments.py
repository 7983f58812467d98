"""Options of a command line, whose errors are one line."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from ca2_core.errors import UserError

MAX_SEED = 2**32 - 1  # NumPy's


class Parser(argparse.ArgumentParser):
    """``argparse.ArgumentParser`` that raises ``UserError`` instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}. `{self.prog} --help` shows the options.")


def at_least(least: int, most: int | None = None, also: Sequence[int] = ()) -> Callable[[str], int]:
    """The type of an option whose value is a whole number from ``least`` on, or one of ``also``."""

    def convert(text: str) -> int:
        number = int(text)
        if number < least and number not in also:
            raise argparse.ArgumentTypeError(f"at least {least:,} is needed, not {number:,}")
        if most is not None and number > most:
            raise argparse.ArgumentTypeError(f"at most {most:,}, not {number:,}")
        return number

    convert.__name__ = "int"  # argparse names the type of a text that is none
    return convert


seed = at_least(0, MAX_SEED)


def folder(text: str) -> str:
    """The type of an option that names a folder to write to, which may not be there yet."""
    for path in (Path(text), *Path(text).parents):
        if path.is_file():
            raise argparse.ArgumentTypeError(f"{path} is a file, a folder is needed")
    return text
