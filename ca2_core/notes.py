"""What a package logs while a command runs, as plain lines on stderr."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm  # noqa: PLC0415  (not every command has something to say)

        tqdm.write(self.format(record), file=sys.stderr)  # above a bar, if one is shown
        sys.stderr.flush()


@contextmanager
def printed_notes(package: str) -> Iterator[None]:
    """Prints what the package logs during the block, from INFO on: a line before what takes seconds, a line of warning."""
    logger, lines = logging.getLogger(package), _Lines()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(lines)
    try:
        yield
    finally:
        logger.removeHandler(lines)
        logger.setLevel(level)
