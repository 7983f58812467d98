"""A cache on disk for files that are expensive to compute."""

import os
import sys
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path

import platformdirs

from ca2_core.files import whole_file


def cache_path(kind: str, key: tuple[object, ...], suffix: str) -> Path:
    """Path of a cached file, named after everything that its content depends on; ``CA2_GAN_CACHE`` sets another folder.

    :param kind: what the file contains; its name begins with it
    :param key: values that the content depends on; the name has their hash
    """
    folder = os.environ.get("CA2_GAN_CACHE") or platformdirs.user_cache_dir("ca2_gan")
    return Path(folder) / f"{kind}-{blake2b(repr(key).encode(), digest_size=8).hexdigest()}{suffix}"


def keep_file(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file into the cache. If that fails, prints a warning, once, and continues without the file.

    :param write: writes the content to the path that it is given
    """
    try:
        with whole_file(path) as partial:
            write(partial)
    except OSError as error:
        _say_once(f"{path.parent}: the cache can't be written to ({error.strerror or error}); results are right, but recomputed each time.")


@cache
def _say_once(problem: str) -> None:
    print(f"ca2-gan: {problem} Set CA2_GAN_CACHE to another folder.", file=sys.stderr)
