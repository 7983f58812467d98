"""Folders that commands write into."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from ca2_core.errors import UserError
from ca2_core.files import locked

LOCK = ".lock"  # what is in a folder while it is locked


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Keeps a folder to this process during the block. If nothing came into it, and it wasn't there before, it is gone afterwards.

    :raises UserError: if another process has it
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with locked(folder):
            yield
    finally:
        with suppress(OSError):  # the first that isn't empty
            for path in made:
                path.rmdir()


def plain_name(name: str) -> str:
    """A name without what a file system may not take."""
    return "".join(c if c.isalnum() else "-" for c in name)


def make_folder(folder: Path) -> None:
    """Makes a folder for what is to be written after it has been computed.

    :raises UserError: if nothing can be written there
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{folder}: can't be written to: {error.strerror or error}. Give another --out.") from error
