"""Looks up and checks the environments that a user names."""

import logging
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym

from ca2_core.errors import UserError, did_you_mean
from ca2_core.modules import search

log = logging.getLogger(__name__)

EVALUATION_STEPS = 5_000
"""Time limit of an evaluation's episodes if the env has none. Without it, a policy that goes in circles would never finish."""

# Beginning of an env's entry point -> the package that the env needs, and the extra of ca2 that installs it
EXTRAS = {"gymnasium.envs.box2d": ("Box2D", "box2d"), "minatar": ("minatar", "minatar"), "ale_py": ("ale_py", "atari")}
MINATAR_GAMES = ("Asterix", "Breakout", "Freeway", "Seaquest", "SpaceInvaders")


def register_minatar() -> None:
    """Registers MinAtar's ids as the package's own function does. The package is imported only when such an env is made.

    Ids ending in v0 have all six actions; ids ending in v1 have only the actions that the game uses.
    """
    for game in MINATAR_GAMES:
        for version, use_minimal_action_set in enumerate((False, True)):
            env_id = f"MinAtar/{game}-v{version}"
            if env_id not in gym.registry:
                kwargs = {"game": "_".join(re.findall("[A-Z][a-z]+", game)).lower(), "use_minimal_action_set": use_minimal_action_set}
                gym.register(env_id, entry_point="minatar.gym:BaseEnv", kwargs=kwargs)


register_minatar()


def split_env_id(given: str) -> tuple[str, list[str]]:
    """Splits an id in the form of ``gym.make``, ``module:id`` or ``id``, into the id and the list of modules to import."""
    module, _, env_id = given.rpartition(":")
    return env_id, [module] if module else []


def is_atari(env_id: str) -> bool:
    return env_id.startswith("ALE/") or "NoFrameskip" in env_id


def check_env(env_id: str, packages: Iterable[str] = ()) -> None:
    """Imports the packages, then checks that the env exists.

    :param packages: modules that are installed or in the current folder
    :raises UserError: if a package can't be imported, no env has that id, or a package that the env needs is not installed
    """
    for package in packages:
        search(Path.cwd())
        try:
            import_module(package)
        except Exception as error:  # whatever the package's code raises
            raise UserError(
                f"--gym-packages {package}: can't be imported: {error}. It has to be installed or in the current folder."
            ) from error
    entry_point = "ale_py" if is_atari(env_id) else getattr(gym.registry.get(env_id), "entry_point", None)
    for start, (package, extra) in EXTRAS.items():
        if isinstance(entry_point, str) and entry_point.startswith(start) and find_spec(package) is None:
            raise UserError(f"{env_id} needs {package}, which is not installed: pip install 'ca2[{extra}]'")
    if is_atari(env_id):
        import_module("ale_py")  # registers the Atari envs
    if env_id not in gym.registry:
        hint = did_you_mean(env_id, gym.registry)
        raise UserError(f"no env {env_id!r}.{hint} For an env of another package, give --gym-packages PACKAGE or module:id.")


def try_env(env_id: str, env_kwargs: dict[str, Any], option: str = "--env-kwargs") -> None:
    """Makes the env and plays one step, because some wrong arguments fail only then.

    :param option: option that the arguments come from
    :raises UserError: if the env fails
    """
    try:
        env = gym.make(env_id, **env_kwargs)
        env.reset()
        env.step(env.action_space.sample())
        env.close()
    except Exception as error:  # whatever the env raises
        given = ", ".join(f"{name}:{value!r}" for name, value in env_kwargs.items())
        raise UserError(f"{option} {given}: {env_id} does not work with these arguments: {error}") from error


def with_limit(env_id: str, env_kwargs: dict[str, Any], tell: bool = True) -> dict[str, Any]:
    """Arguments of an env for evaluations: adds the limit ``EVALUATION_STEPS`` if neither the arguments nor the env limit its episodes.

    :param env_id: id of a registered env
    :param tell: whether to log the limit, once for each env
    """
    spec = gym.spec(env_id)
    is_limited = spec.max_episode_steps is not None or "max_num_frames_per_episode" in spec.kwargs  # the second is Atari's limit
    if is_limited or "max_episode_steps" in env_kwargs:
        return env_kwargs
    if tell:
        tell_limit(env_id)
    return env_kwargs | {"max_episode_steps": EVALUATION_STEPS}


@cache
def tell_limit(env_id: str) -> None:
    """Logs, once for each env, that evaluations limit its episodes."""
    log.info(f"{env_id} has no time limit: evaluations end its episodes after {EVALUATION_STEPS:,} steps.")
