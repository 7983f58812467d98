"""Where what is expensive to make is kept between commands."""

import os
from hashlib import blake2b
from pathlib import Path

import platformdirs


def cache_path(kind: str, key: tuple[object, ...], suffix: str) -> Path:
    """A file's place by everything that its content depends on; ``CA2_GAN_CACHE`` moves all of them.

    :param kind: what it is, the beginning of its name
    :param key: what its content depends on
    """
    folder = os.environ.get("CA2_GAN_CACHE") or platformdirs.user_cache_dir("ca2_gan")
    return Path(folder) / f"{kind}-{blake2b(repr(key).encode(), digest_size=8).hexdigest()}{suffix}"
