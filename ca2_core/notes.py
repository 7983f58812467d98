"""Prints a package's log messages as plain lines on stderr while a command runs."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm  # noqa: PLC0415  (not every command logs something)

        line = self.format(record)
        if line not in self._printed:
            self._printed.add(line)
            tqdm.write(line, file=sys.stderr)  # above a bar, if one is shown
            sys.stderr.flush()


@contextmanager
def printed_notes(package: str) -> Iterator[None]:
    """Prints the package's log messages of level INFO and above during the block, such as warnings and announcements of slow steps.

    Each distinct line is printed once: a study of many trainings says only once that it compiles.
    """
    logger, lines = logging.getLogger(package), _Lines()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(lines)
    try:
        yield
    finally:
        logger.removeHandler(lines)
        logger.setLevel(level)
