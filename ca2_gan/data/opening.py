"""Opening files that may be compressed."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ca2_core.errors import UserError

GZIP_MAGIC, ZIP_MAGIC = b"\x1f\x8b", b"PK"


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Opens a file, decompressed if it is gzip or a zip of one file, whatever its name.

    :raises UserError: if it can't be read, now or later in the block
    """
    try:
        with path.open("rb") as plain:
            magic = plain.read(2)
            plain.seek(0)
            if magic == GZIP_MAGIC:
                with gzip.open(plain) as unzipped:
                    yield cast(BinaryIO, unzipped)
            elif magic == ZIP_MAGIC:
                with zipfile.ZipFile(plain) as archive, archive.open(_only_member(path, archive)) as member:
                    yield cast(BinaryIO, member)
            else:
                yield plain
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: damaged or cut off: {error}. Get the file again.") from error
    except RuntimeError as error:  # a password
        raise UserError(f"{path}: can't be read: {error}. Unpack it.") from error
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror or error}.") from error


def is_emnist(path: Path) -> bool:
    """Whether a file is one of EMNIST's, whose rows and columns are swapped, by its name or that of the file in a zip."""
    names = [path.name]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names.append(_only_member(path, archive))
    return any("emnist" in name.lower() for name in names)


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(names) != 1 or not names[0].lower().endswith((".csv", ".tsv")):
        held = f"{len(names):,} files such as {names[0]}" if names else "nothing"
        raise UserError(f"{path}: {held} in it; a zip has to contain a single CSV. Unpack it and give what is inside.")
    return names[0]
