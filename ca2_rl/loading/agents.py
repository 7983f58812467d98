"""Loads saved agents, replay buffers and running statistics."""

import base64
import inspect
import io
import json
import pickle
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from stable_baselines3.her import HerReplayBuffer

from ca2_core.errors import UserError
from ca2_rl.common.prioritized_replay import check_loaded
from ca2_rl.loading.names import Name
from ca2_rl.loading.pickles import RefusedError, unpickle

T = TypeVar("T")

# Counters in the file, from which a training continues
COUNTS = {"_episode_num", "_n_calls", "_n_updates", "_num_timesteps_at_start", "_total_timesteps", "n_envs", "num_timesteps"}

# SB3 makes these again from the settings. Old versions pickled them as code
SCHEDULES = {
    *("clip_range", "clip_range_vf", "delta_std", "delta_std_schedule"),
    *("exploration_schedule", "learning_rate", "lr_schedule"),
}
# ARS recomputes its weights
NOT_LOADED = {"weights"}


def names_of(algorithm: type[BaseAlgorithm]) -> set[Name]:
    """The names in a pickle of the policies for which an algorithm has aliases."""
    return {(policy.__module__, policy.__qualname__) for policy in algorithm.policy_aliases.values()}


def load_agent(
    algorithm: type[BaseAlgorithm],
    path: Path,
    env: VecEnv | None = None,
    *,
    trust: bool = False,
    also: Collection[Name] = (),
    **changes: Any,
) -> BaseAlgorithm:
    """Loads an agent from SB3's zip file without running code from it: its pickles may only name classes on a list.

    A learning rate or other schedule that was pickled as code is replaced by the value in ``changes`` or the constructor's default.

    :param algorithm: class of the algorithm
    :param path: zip file
    :param env: env for further training, with the agent's spaces
    :param trust: whether the file may run code, as SB3's own ``load`` allows
    :param also: exact names of further allowed classes, such as those of a plug-in
    :param changes: attributes to set, and arguments of SB3's ``load``
    :raises UserError: if the file is missing, damaged, of another algorithm, or names something that is not on the list
    """
    content = _read(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            damaged = archive.testzip()
            settings = json.loads(archive.read("data"))
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError) as error:
        damaged = str(error)
    if damaged is not None:
        raise UserError(f"{path}: damaged, or not a zip file of SB3: {damaged}.")
    _check_counts(settings, path)
    given = dict(changes.pop("custom_objects", {}))
    if not trust:
        given = _saved_objects(settings, algorithm, path, names_of(algorithm) | set(also), given)
    try:
        model = algorithm.load(io.BytesIO(content), env=env, custom_objects=given, **changes)
    except UserError:
        raise
    except Exception as error:  # SB3 and torch raise almost anything for a file that does not fit
        raise UserError(f"{path}: can't be loaded as a {algorithm.__name__} agent: {error}") from error
    if not isinstance(noise := getattr(model, "action_noise", None), (ActionNoise, type(None))):
        raise UserError(f"{path}: damaged: its action_noise is {noise!r}.")
    return model


def _check_counts(settings: Any, path: Path) -> None:
    """Checks that the counters of a training are numbers."""
    if not isinstance(settings, dict):
        raise UserError(f"{path}: damaged, or not a zip file of SB3: its settings are not a mapping.")
    for name in COUNTS & settings.keys():
        if type(settings[name]) is not int or settings[name] < 0:
            raise UserError(f"{path}: damaged: its {name} is {settings[name]!r}.")


def _saved_objects(
    settings: Any, algorithm: type[BaseAlgorithm], path: Path, also: Collection[Name], given: dict[str, Any]
) -> dict[str, Any]:
    """The objects that SB3 would unpickle: safely unpickled here, or replaced."""
    if "env" in settings:  # SB3 never saves an env, but would make this one, and its id may name a module to import
        raise UserError(f"{path}: contains an env, which may run code. If you trust where the file comes from, add --trust.")
    objects: dict[str, Any] = dict.fromkeys(NOT_LOADED & settings.keys())
    for name, value in settings.items():
        if name in NOT_LOADED or name in given or not (isinstance(value, dict) and ":serialized:" in value):
            continue
        try:
            objects[name] = unpickle(base64.b64decode(value[":serialized:"]), also)
        except RefusedError as error:
            if not (error.is_by_value and name in SCHEDULES):
                raise refused(path, name, error) from error
            objects[name] = _default(algorithm, name)
        except Exception as error:  # a damaged pickle raises almost anything
            raise UserError(f"{path}: {name} is damaged: {error}") from error
    return objects | given


def _default(algorithm: type[BaseAlgorithm], name: str) -> Any:
    parameter = inspect.signature(algorithm.__init__).parameters.get(name)
    return 0.0 if parameter is None or parameter.default is parameter.empty else parameter.default


def refused(path: Path, what: str, error: RefusedError) -> UserError:
    """The error for a file that names something that is not on the list."""
    return UserError(
        f"{path}: {what} contains {error}, which may run code when it is loaded. If you trust where the file comes from, add --trust."
    )


def load_vec_normalize(path: Path, env: VecEnv, *, trust: bool = False) -> VecNormalize:
    """Loads the running statistics of a training and wraps an env in them.

    :raises UserError: if the file is missing, damaged, or names something that is not on the list
    """
    statistics = _load_pickle(path, VecNormalize, trust)
    statistics.set_venv(env)
    return statistics


def load_replay_buffer(model: OffPolicyAlgorithm, path: Path, *, truncate_last_trajectory: bool = True, trust: bool = False) -> None:
    """Loads an agent's saved replay buffer, as SB3's ``load_replay_buffer`` does.

    :param truncate_last_trajectory: whether to truncate the last episode of a ``HerReplayBuffer`` where it was saved
    :raises UserError: if the file is missing, damaged, or names something that is not on the list
    """
    buffer = _load_pickle(path, ReplayBuffer, trust)
    try:
        check_loaded(buffer, model.replay_buffer)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    if isinstance(buffer, HerReplayBuffer):
        if model.env is None:
            raise UserError(f"{path}: a HerReplayBuffer needs an env: load the agent with one.")
        buffer.set_env(model.env)
        if truncate_last_trajectory:
            buffer.truncate_last_trajectory()
    buffer.device = model.device
    model.replay_buffer = buffer


def _load_pickle(path: Path, kind: type[T], trust: bool) -> T:
    content = _read(path)
    try:
        loaded = pickle.loads(content) if trust else unpickle(content)  # noqa: S301 (the caller trusts it)
    except RefusedError as error:
        raise refused(path, "it", error) from error
    except Exception as error:  # a damaged pickle raises almost anything
        raise UserError(f"{path}: damaged: {str(error) or type(error).__name__}") from error
    if not isinstance(loaded, kind):
        raise UserError(f"{path}: a {kind.__name__} is needed, this is a {type(loaded).__name__}.")
    return loaded


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
