"""Files that are there whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ca2_core.errors import UserError


def write_json(path: str | Path, content: Any, indent: int = 2) -> None:
    """Writes a JSON file, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A temporary path with the same suffix to write to; it takes the place of ``path`` once the block has succeeded."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def partial_files(folder: Path) -> set[Path]:
    """What killed processes left half-written in a folder."""
    return set(folder.glob(".*.partial*"))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps a folder to this process during the block, by a lock of the operating system that ends with the process.

    :param folder: made if it is missing; the empty file ``.lock`` is in it as long as the block runs
    :raises UserError: if another process holds it, or there can be no such folder
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
