"""A cache of decoded data, valid as long as the files don't change."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ca2_gan.cache import cache_path, keep_file
from ca2_gan.data.raw import Raw

VERSION = 3  # of the cached content; to be raised when readers return something else
ATTRIBUTE = "attribute "


def recall(path: Path, how: tuple[object, ...], read: Callable[[], Raw]) -> Raw:
    """The result of ``read`` for a file or folder, from the cache if no file in it has changed since.

    Compares the files' names, sizes, inode numbers and times, among them the ctime, which programs can't set.

    :param how: everything else that the result depends on
    """
    root = path.resolve()
    files = [root] if root.is_file() else [Path(folder, name) for folder, _, names in os.walk(root, followlinks=True) for name in names]
    kept = cache_path("data", (VERSION, how, sorted(map(_state, files))), ".npz")
    found = _load(kept, str(path))
    if found is None:
        found = read()
        keep_file(kept, lambda partial: _save(found, partial))
    return found


def _state(file: Path) -> tuple[str, int, int, int, int]:
    """A file's name, size, inode number, mtime and ctime."""
    state = file.stat()
    return str(file), state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns


def _save(raw: Raw, path: Path) -> None:
    facts = {"names": None if raw.names is None else list(raw.names.items()), "transposed": raw.transposed, "notes": raw.notes}
    arrays: dict[str, Any] = {name: value for name, value in vars(raw).items() if isinstance(value, np.ndarray)}
    arrays |= {ATTRIBUTE + name: values for name, values in raw.attributes.items()}
    np.savez(path, facts=np.array(json.dumps(facts)), **arrays)


def _load(path: Path, source: str) -> Raw | None:
    """The cached data; None if there are none, or they are damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            arrays: dict[str, Any] = {name: content[name] for name in content.files}
        facts = json.loads(str(arrays.pop("facts")))
        attributes = {name.removeprefix(ATTRIBUTE): arrays.pop(name) for name in list(arrays) if name.startswith(ATTRIBUTE)}
        names = None if facts["names"] is None else dict(facts["names"])
        known = {"names": names, "transposed": facts["transposed"], "notes": tuple(facts["notes"]), "attributes": attributes}
        return Raw(source, **{"labels": None} | arrays | known)
    except (OSError, ValueError, LookupError, EOFError, TypeError, zipfile.BadZipFile):
        return None
