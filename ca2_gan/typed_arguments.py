"""Command lines that fill a dataclass, with errors of one line."""

import io
import re
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import fields
from typing import TypeVar

import tyro

from ca2_core.errors import UserError, did_you_mean

T = TypeVar("T")


def parse(defaults: T, argv: Sequence[str], prog: str) -> T:
    """The dataclass ``defaults`` with what a command line changes in it.

    :raises UserError: if the command line is wrong
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(type(defaults), args=argv, default=defaults, prog=prog)
    except SystemExit as leaving:
        if not leaving.code:
            raise
        known = ["--" + field.name.replace("_", "-") for field in fields(defaults)]  # type: ignore[arg-type]
        raise UserError(f"{_one_line(said.getvalue(), known)} `{prog} --help` shows the options.") from None


def _one_line(box: str, known: Sequence[str]) -> str:
    """The message in tyro's box, without its frame, title and hints."""
    lines = [line.strip("│ ") for line in box.splitlines() if line.startswith("│")]
    text = " ".join(lines)
    unknown = re.search(r"Unrecognized options?: (--?[^ ]+)", text)
    if unknown:
        return f"no option {unknown[1]}.{did_you_mean(unknown[1], known)}"
    missing = re.findall(r"(--[a-z0-9-]+) [A-Z]", text.split("Unrecognized")[0]) if "Missing from" in text else []
    if missing:
        return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
    message = re.split(r" ─{3,}", text)[0].strip()
    return message if message.endswith(".") else message + "."
