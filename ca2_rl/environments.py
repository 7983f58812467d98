"""Environment ids that a user typed."""

from collections.abc import Iterable
from importlib import import_module

import gymnasium as gym

from ca2_rl.errors import UserError, did_you_mean


def check_env(env_id: str, packages: Iterable[str] = ()) -> None:
    """Imports the packages, then looks the env up.

    :raises UserError: if a package can't be imported, or no env has that id
    """
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise UserError(f"--gym-packages {package}: can't be imported: {error}.") from error
    if env_id not in gym.registry:
        hint = did_you_mean(env_id, gym.registry)
        raise UserError(f"no env {env_id!r}.{hint} Envs of other packages need --gym-packages PACKAGE.")
