"""What a package logs while a command runs, as plain lines on stderr."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm  # noqa: PLC0415  (not every command has something to say)

        line = self.format(record)
        if line not in self._printed:
            self._printed.add(line)
            tqdm.write(line, file=sys.stderr)  # above a bar, if one is shown
            sys.stderr.flush()


@contextmanager
def printed_notes(package: str) -> Iterator[None]:
    """Prints what the package logs during the block, from INFO on: a line before what takes seconds, a line of warning.

    The same line is printed once: a study of many trainings says once that it compiles.
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
