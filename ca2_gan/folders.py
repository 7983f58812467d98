"""Folders that commands write into."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from ca2_core.errors import UserError
from ca2_core.files import locked

LOCK = ".lock"  # file in a folder while it is locked


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Locks a folder for this process during the block. Afterwards, removes the folders that it made and that are still empty.

    :raises UserError: if another process has locked it
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with locked(folder):
            yield
    finally:
        with suppress(OSError):  # stops at the first that isn't empty
            for path in made:
                path.rmdir()


def plain_name(name: str) -> str:
    """A name for any file system: ``-`` replaces every character that is neither letter nor digit."""
    return "".join(c if c.isalnum() else "-" for c in name)


def make_folder(folder: Path) -> None:
    """Makes a folder before a long computation, so that a folder that can't be written to is reported first.

    :raises UserError: if nothing can be written there
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{folder}: can't be written to: {error.strerror or error}. Give another --out.") from error
