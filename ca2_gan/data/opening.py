"""Opening files that may be compressed."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ca2_core.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file's content, uncompressed if it is gzip, whatever its name.

    :raises UserError: if it can't be read, now or later in the block
    """
    try:
        with path.open("rb") as plain:
            magic = plain.read(2)
            plain.seek(0)
            if magic == GZIP_MAGIC:
                with gzip.open(plain) as unzipped:
                    yield cast(BinaryIO, unzipped)
            else:
                yield plain
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: damaged or cut off: {error}. Get the file again.") from error
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror or error}.") from error


def is_emnist(path: Path) -> bool:
    """Whether a file's name says that it is one of EMNIST's IDX or CSV files, whose rows and columns are swapped."""
    return "emnist" in path.name.lower()
