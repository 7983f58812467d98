"""What took long to decode, kept in the cache as long as the files stay as they are."""

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ca2_gan.cache import cache_path, keep_file
from ca2_gan.data.raw import Raw

VERSION = 1  # of what is kept; another one where readers give something else
ARRAYS = ("images", "labels", "is_test")
ATTRIBUTE = "attribute "


def recall(path: Path, how: tuple[object, ...], read: Callable[[], Raw]) -> Raw:
    """What ``read`` makes of a file or folder, or made of it before, as long as no file in it has changed.

    The files' names, sizes, numbers and times say so; their times of change can't be set by programs.

    :param how: what else the result depends on
    """
    kept = cache_path("data", (VERSION, str(path.resolve()), how, sorted(_states(path))), ".npz")
    found = _load(kept, str(path))
    if found is None:
        found = read()
        keep_file(kept, lambda partial: _save(found, partial))
    return found


def _states(path: Path, name: str = "") -> Iterator[tuple[str, int, int, int, int]]:
    """Of each file: its name inside the folder, size, number, and when its content and it itself changed last."""
    if not path.is_dir():
        state = path.stat()
        yield name, state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns
        return
    for entry in os.scandir(path):
        if entry.is_dir():
            yield from _states(Path(entry), f"{name}/{entry.name}")
        else:
            state = entry.stat()
            yield f"{name}/{entry.name}", state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns


def _save(raw: Raw, path: Path) -> None:
    facts = {"names": None if raw.names is None else list(raw.names.items()), "transposed": raw.transposed, "notes": raw.notes}
    arrays: dict[str, Any] = {name: getattr(raw, name) for name in ARRAYS if getattr(raw, name) is not None}
    arrays |= {ATTRIBUTE + name: values for name, values in raw.attributes.items()}
    np.savez(path, facts=np.array(json.dumps(facts)), **arrays)


def _load(path: Path, source: str) -> Raw | None:
    """What was kept; None if there is nothing, or it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            arrays: dict[str, Any] = {name: content[name] for name in content.files}
        facts = json.loads(str(arrays["facts"]))
        return Raw(
            source,
            arrays["images"],
            arrays.get("labels"),
            None if facts["names"] is None else dict(facts["names"]),
            facts["transposed"],
            arrays.get("is_test"),
            {name.removeprefix(ATTRIBUTE): values for name, values in arrays.items() if name.startswith(ATTRIBUTE)},
            tuple(facts["notes"]),
        )
    except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile):
        return None
