"""Environment ids that a user typed."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import gymnasium as gym

from ca2_core.errors import UserError, did_you_mean


def split_env_id(given: str) -> tuple[str, list[str]]:
    """An id as Gymnasium's ``make`` takes it, ``module:id`` or ``id``: the id, and the modules to import for it."""
    module, _, env_id = given.rpartition(":")
    return env_id, [module] if module else []


def check_env(env_id: str, packages: Iterable[str] = ()) -> None:
    """Imports the packages, then looks the env up.

    :raises UserError: if a package can't be imported, or no env has that id
    """
    for package in packages:
        try:
            import_module(package)
        except Exception as error:  # whatever the package's code raises
            raise UserError(f"--gym-packages {package}: can't be imported: {error}.") from error
    if env_id not in gym.registry:
        hint = did_you_mean(env_id, gym.registry)
        raise UserError(f"no env {env_id!r}.{hint} Envs of other packages need --gym-packages PACKAGE, or module:id.")


def try_env(env_id: str, env_kwargs: dict[str, Any], option: str = "--env-kwargs") -> None:
    """Makes the env and plays one step: some wrong arguments show only then.

    :param option: that the arguments come from
    :raises UserError: if it fails
    """
    try:
        env = gym.make(env_id, **env_kwargs)
        env.reset()
        env.step(env.action_space.sample())
        env.close()
    except Exception as error:  # whatever an env makes of them
        given = ", ".join(f"{name}:{value!r}" for name, value in env_kwargs.items())
        raise UserError(f"{option} {given}: {env_id} does not work with that: {error}") from error
