"""Where what is expensive to make is kept between commands."""

import os
import sys
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path

import platformdirs

from ca2_core.files import whole_file


def cache_path(kind: str, key: tuple[object, ...], suffix: str) -> Path:
    """A file's place by everything that its content depends on; ``CA2_GAN_CACHE`` moves all of them.

    :param kind: what it is, the beginning of its name
    :param key: what its content depends on
    """
    folder = os.environ.get("CA2_GAN_CACHE") or platformdirs.user_cache_dir("ca2_gan")
    return Path(folder) / f"{kind}-{blake2b(repr(key).encode(), digest_size=8).hexdigest()}{suffix}"


def keep_file(path: Path, write: Callable[[Path], object]) -> None:
    """Puts a file into the cache; where that can't be done, says so once and goes on without.

    :param write: writes it to a path
    """
    try:
        with whole_file(path) as partial:
            write(partial)
    except OSError as error:
        _say_once(f"{path.parent}: the cache can't be written to ({error.strerror or error}); results are right, but made anew each time.")


@cache
def _say_once(problem: str) -> None:
    print(f"ca2-gan: {problem} CA2_GAN_CACHE names another folder.", file=sys.stderr)
