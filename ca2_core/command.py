"""Command lines with subcommands: one-line errors, exit statuses, closed pipes, Ctrl-C."""

import os
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from ca2_core.errors import UserError, did_you_mean


class Subcommand(NamedTuple):
    """One subcommand. Its module is imported only when the subcommand is called.

    :param target: ``module:function``; the function takes the arguments after the subcommand's name
    :param summary: one line of help
    """

    target: str
    summary: str


@dataclass(frozen=True)
class Command:
    """A program with subcommands.

    :param name: the name that a user types
    :param description: for the help text
    :param subcommands: the subcommands by name
    :param examples: command lines for a start, without the program's name
    """

    name: str
    description: str
    subcommands: Mapping[str, Subcommand]
    examples: Sequence[str] = ()

    @property
    def usage(self) -> str:
        """The help text."""
        width = max(map(len, self.subcommands))
        lines = "\n".join(f"  {name:<{width}}  {subcommand.summary}" for name, subcommand in self.subcommands.items())
        examples = "\n".join(f"  {self.name} {example}" for example in self.examples)
        return f"""usage: {self.name} COMMAND [options]

{self.description}

commands:
{lines}

`{self.name} COMMAND --help` shows a command's options, `{self.name} --version` the version. With --debug, an unexpected error
shows its traceback. Examples:
{examples}"""

    def run(self, argv: Sequence[str]) -> None:
        """Runs one command line and lets its errors propagate.

        :raises UserError: if the command line is wrong
        """
        if not argv or argv[0] in ("-h", "--help", "help"):
            print(self.usage)
            return
        if argv[0] in ("-V", "--version"):
            print(f"ca2 {version('ca2')}")
            return
        name, *rest = argv
        if name not in self.subcommands:
            raise UserError(f"no command {name!r}.{did_you_mean(name, self.subcommands)} `{self.name} --help` shows all.")
        module, _, function = self.subcommands[name].target.partition(":")
        getattr(import_module(module), function)(rest)

    def main(self, argv: Sequence[str] | None = None) -> None:
        """Runs one command line. Exits with status 2 for invalid input or a full disk, 1 for a bug, 130 after Ctrl-C.

        :param argv: None for the arguments of this process
        """
        arguments = list(sys.argv[1:] if argv is None else argv)
        is_debugged = "--debug" in arguments
        try:
            try:
                self.run([argument for argument in arguments if argument != "--debug"])
            finally:
                sys.stdout.flush()
        except UserError as error:
            self._fail(str(error), 2)
        except BrokenPipeError:  # the program that reads our output has ended
            _discard_output()
            sys.exit(1)
        except OSError as error:  # a full disk, a folder that can't be written to
            where = error.filename2 or error.filename
            reason = error.strerror or str(error)
            self._fail(f"{where}: {reason}" if where else reason, 2)
        except KeyboardInterrupt:
            sys.exit(130)
        except Exception as error:
            if is_debugged:
                raise
            path = _keep_traceback(self.name)
            summary = traceback.format_exception_only(error)[-1].strip()
            self._fail(f"unexpected error: {summary}. This is a bug: please report it with {path}, which has the traceback.", 1)

    def _fail(self, message: str, code: int) -> None:
        print(f"{self.name}: {' '.join(message.split())}", file=sys.stderr)
        sys.exit(code)


def _keep_traceback(name: str) -> Path:
    """Writes the current exception's traceback and the command line to a new temporary file."""
    with tempfile.NamedTemporaryFile("w", prefix=f"{name}-error-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(f"{datetime.now().isoformat(timespec='seconds')}\n{name} {' '.join(sys.argv[1:])}\nca2 {version('ca2')}\n\n")
        file.write(traceback.format_exc())
    return Path(file.name)


def _discard_output() -> None:
    """Redirects stdout to the null device: flushing to the closed pipe at exit would print another error."""
    with suppress(OSError):  # stdout is not a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
