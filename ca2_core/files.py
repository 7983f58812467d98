"""Atomic writing of files, and locks on folders."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ca2_core.errors import UserError


def write_json(path: str | Path, content: Any, indent: int = 2) -> None:
    """Writes a JSON file atomically."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Writes a file atomically: yields a temporary path with the same suffix, which replaces ``path`` if the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def partial_files(folder: Path) -> set[Path]:
    """Half-written files that killed processes have left in a folder."""
    return set(folder.glob(".*.partial*"))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Locks a folder during the block. The operating system releases the lock when the process ends, however it ends.

    :param folder: created if it is missing; contains the empty file ``.lock`` as long as the block runs
    :raises UserError: if another process holds the lock, or the folder can't be created
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: can't be written to: {error.strerror or error}. Give another folder.") from error
    path = folder / ".lock"
    try:
        with FileLock(path, timeout=0):
            try:
                yield
            finally:
                with suppress(OSError):  # on Windows an open file can't be removed; FileLock does it there
                    path.unlink()
    except Timeout:
        raise UserError(f"{folder}: another process is training in this folder. Wait until it has ended, or stop it.") from None
