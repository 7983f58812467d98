"""The whole state of an SB3 algorithm: everything that its next steps depend on, and nothing else."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.distributions import StateDependentNoiseDistribution
from stable_baselines3.common.noise import ActionNoise, OrnsteinUhlenbeckActionNoise, VectorizedActionNoise
from stable_baselines3.common.type_aliases import GymEnv
from torch import nn

from ca2_core.errors import UserError
from ca2_rl.common.prioritized_replay import Prioritized
from ca2_rl.common.random_numbers import global_state, set_global_state, set_space_state, space_state
from ca2_rl.state import files, settings
from ca2_rl.state.envs import set_vec_env_state, unsaved, unsaved_text, vec_env_state

log = logging.getLogger(__name__)

Model = TypeVar("Model", bound=BaseAlgorithm)
State = dict[str, Any]

COUNTERS = (
    *("num_timesteps", "_num_timesteps_at_start", "_total_timesteps", "_current_progress_remaining"),
    *("_episode_num", "_n_updates", "_n_calls", "exploration_rate"),
)
LAST = ("_last_obs", "_last_original_obs", "_last_episode_starts")
STATISTICS = ("ep_info_buffer", "ep_success_buffer")


@runtime_checkable
class Stateful(Protocol):
    """An object with ``state_dict`` and ``load_state_dict``, like PyTorch's modules."""

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: State) -> Any: ...


def parts(model: BaseAlgorithm) -> dict[str, Stateful]:
    """The parts of an algorithm's state beyond those of all SB3 algorithms, from its method ``state_parts``."""
    return getattr(model, "state_parts", dict)()


def model_state(model: BaseAlgorithm, with_buffer: bool = True, exact: bool = True) -> State:
    """Everything that the next steps of a training depend on.

    :param with_buffer: whether to include the replay buffer
    :param exact: whether the envs are at a step from which they can be resumed
    """
    assert model.env is not None
    buffer = getattr(model, "replay_buffer", None)
    return {
        "algorithm": type(model).__name__,
        "counters": {name: getattr(model, name) for name in COUNTERS if hasattr(model, name)},
        "last": {name: getattr(model, name) for name in LAST},
        "statistics": {name: None if (kept := getattr(model, name)) is None else list(kept) for name in STATISTICS},
        "parameters": _parameters(model),
        "exploration": _exploration_matrices(model),
        "buffer": buffer_state(buffer) if with_buffer and buffer is not None else None,
        "noise": noise_state(model.action_noise),
        "parts": {name: part.state_dict() for name, part in parts(model).items()},
        "action_space": space_state(model.action_space),
        "env": vec_env_state(model.env, exact),
        "logged": _logged(model),
        "random": global_state(),
    }


def set_model_state(model: BaseAlgorithm, state: State) -> None:
    """Restores a state in a model with the same settings, and in its envs.

    :raises UserError: if the state is of another algorithm or of other settings
    """
    assert model.env is not None
    if state["algorithm"] != type(model).__name__:
        raise UserError(f"the state is one of {state['algorithm']}, this is {type(model).__name__}.")
    with fits_settings():
        for name in COUNTERS:
            if hasattr(model, name):
                setattr(model, name, state["counters"][name])
        for name in LAST:
            setattr(model, name, state["last"][name])
        for name in STATISTICS:
            items = state["statistics"][name]
            setattr(model, name, None if items is None else deque(items, maxlen=model._stats_window_size))
        _set_parameters(model, state["parameters"])
        buffer = getattr(model, "replay_buffer", None)
        if buffer is not None and state["buffer"] is not None:
            set_buffer_state(buffer, state["buffer"])
        model.action_noise = _for_envs(model.action_noise, model.n_envs)
        for name, part in parts(model).items():
            part.load_state_dict(state["parts"][name])
        set_space_state(model.action_space, state["action_space"])
        set_vec_env_state(model.env, state["env"])
    if state["env"]["envs"] is None:  # the envs were not saved: begin a new episode in each
        model._last_obs = model.env.reset()  # type: ignore[assignment]
        model._last_episode_starts = np.ones(model.n_envs, dtype=bool)
        normalized = model.get_vec_normalize_env()
        model._last_original_obs = None if normalized is None else normalized.get_original_obs()
        getattr(model, "envs_reset", lambda: None)()
    with fits_settings():
        begin_rollout(model, state)


@contextmanager
def fits_settings() -> Iterator[None]:
    """Turns the errors of a state that does not fit the settings into a ``UserError``."""
    try:
        yield
    except UserError:
        raise
    except (AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"the state does not fit these settings: {reason}") from error


def begin_rollout(model: BaseAlgorithm, state: State) -> None:
    """Restores noise, random generators and logged values, which SB3 resets when ``learn`` or a rollout begins."""
    set_noise_state(model.action_noise, state["noise"])
    values, counts = map(dict, state["logged"])
    if hasattr(model, "_logger"):
        model.logger.name_to_value.update(values)
        model.logger.name_to_count.update(counts)
    _set_exploration_matrices(model, state["exploration"])
    set_global_state(state["random"])


def _logged(model: BaseAlgorithm) -> tuple[State, State]:
    """Logged numbers that have not been dumped yet, and the number of values in each mean."""
    if not hasattr(model, "_logger"):  # before the first call of ``learn``
        return {}, {}
    values = model.logger.name_to_value
    return {name: value for name, value in values.items() if isinstance(value, (int, float, np.number))}, dict(model.logger.name_to_count)


def _parameters(model: BaseAlgorithm) -> State:
    """Networks, optimisers, and single tensors such as SAC's entropy coefficient."""
    _, variables = model._get_torch_save_params()
    return {"modules": model.get_parameters(), "variables": {name: _attribute(model, name) for name in variables}}


def _set_parameters(model: BaseAlgorithm, state: State) -> None:
    model.set_parameters(state["modules"])
    for name, value in state["variables"].items():
        _attribute(model, name).data.copy_(value)


def _attribute(model: BaseAlgorithm, path: str) -> Any:
    found: Any = model
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _noisy_distributions(model: BaseAlgorithm) -> Iterator[StateDependentNoiseDistribution]:
    """Distributions of gSDE, which keep their noise for a rollout."""
    for module in model.policy.modules() if isinstance(model.policy, nn.Module) else ():
        distribution = getattr(module, "action_dist", None)
        if isinstance(distribution, StateDependentNoiseDistribution):
            yield distribution


def _exploration_matrices(model: BaseAlgorithm) -> list[Any]:
    return [[each.exploration_mat, each.exploration_matrices] for each in _noisy_distributions(model)]


def _set_exploration_matrices(model: BaseAlgorithm, state: list[Any]) -> None:
    for distribution, (one, several) in zip(_noisy_distributions(model), state, strict=True):
        distribution.exploration_mat, distribution.exploration_matrices = one.to(model.device), several.to(model.device)


def buffer_state(buffer: ReplayBuffer) -> State:
    """The filled parts of all arrays of a replay buffer, and the position of the next transition."""
    n = buffer.buffer_size if buffer.full else buffer.pos
    rows = n if buffer.full or not buffer.optimize_memory_usage else min(n + 1, buffer.buffer_size)  # the last next observation is in row n
    arrays = {path: array[:rows] if array.shape[:1] == (buffer.buffer_size,) else array for path, array in _arrays(buffer)}
    return {"size": buffer.buffer_size, "pos": buffer.pos, "full": buffer.full, "arrays": arrays}


def set_buffer_state(buffer: ReplayBuffer, state: State) -> None:
    """Fills a replay buffer of the same size. Its arrays keep their place in memory, because compiled code reads them."""
    if state["size"] != buffer.buffer_size:
        raise ValueError(f"its replay buffer has {state['size']:,} rows, here it has {buffer.buffer_size:,}")
    buffer.pos, buffer.full = state["pos"], state["full"]
    for path, array in _arrays(buffer):
        saved = state["arrays"][path]
        array[: len(saved)] = saved
    if isinstance(buffer, Prioritized):
        buffer.priorities_changed()


def buffer_bytes(buffer: ReplayBuffer) -> int:
    """Size of a replay buffer on disk once it is full."""
    return sum(array.nbytes for _, array in _arrays(buffer))


def _arrays(buffer: ReplayBuffer) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in vars(buffer).items():
        for key, array in value.items() if isinstance(value, dict) else [("", value)]:
            if isinstance(array, np.ndarray) and array.ndim and not array.dtype.hasobject:
                yield f"{name}.{key}", array


def _for_envs(noise: ActionNoise | None, n_envs: int) -> ActionNoise | None:
    """A separate noise process for each env, as SB3 makes when learning begins."""
    is_one = noise is None or n_envs == 1 or isinstance(noise, VectorizedActionNoise)
    return noise if is_one else VectorizedActionNoise(noise, n_envs)  # type: ignore[arg-type]


def noise_state(noise: ActionNoise | None) -> Any:
    """State of a noise process; None if it is stateless."""
    if isinstance(noise, VectorizedActionNoise):
        return [noise_state(each) for each in noise.noises]
    if isinstance(noise, OrnsteinUhlenbeckActionNoise):
        return noise.noise_prev
    return noise.state_dict() if isinstance(noise, Stateful) else None


def set_noise_state(noise: Any, state: Any) -> None:
    """Restores the state of a noise process."""
    if isinstance(noise, VectorizedActionNoise):
        for each, its in zip(noise.noises, state, strict=True):
            set_noise_state(each, its)
    elif isinstance(noise, OrnsteinUhlenbeckActionNoise):
        noise.noise_prev = state
    elif isinstance(noise, Stateful):
        noise.load_state_dict(state)


def save_state(model: BaseAlgorithm, folder: str | Path) -> None:
    """Saves the whole state of a model, so that a training can continue from it exactly.

    Call it between two calls of ``learn``, or in a callback when a rollout begins, as ``SaveStates`` does. The state consists of arrays and
    JSON, without pickles. If an env has no adapter (see ``register_env_state``), the envs are left out: a resumed training begins a new
    episode in each env, and a log line says so.

    :param model: an algorithm of ca2 or SB3 that has an env
    :param folder: folder to create; an older state in it is replaced
    """
    assert model.env is not None
    if names := unsaved(model.env):
        log.info(unsaved_text(names))
    state = model_state(model, exact=not names)
    files.write(Path(folder), {"settings": settings.arguments_of(model), "model": state, "run": {}})


def restore_state(model: Model, folder: str | Path) -> Model:
    """Restores a state that ``save_state`` saved, in a model with the same settings and in its env.

    ``model.learn(steps, reset_num_timesteps=False)`` then continues.

    :raises UserError: if the state is damaged or of other settings
    """
    set_model_state(model, files.read(Path(folder))["model"])
    return model


def load_state(algorithm: type[Model], folder: str | Path, env: GymEnv, **changes: Any) -> Model:
    """Makes a model and restores the state that ``save_state`` saved.

    :param algorithm: class of the model
    :param env: an env made like that of the saved model
    :param changes: settings that replace saved ones, and settings that can't be saved, such as functions
    :raises UserError: if the state is damaged or of another algorithm, or a setting is missing
    """
    state = files.read(Path(folder))
    if state["model"]["algorithm"] != algorithm.__name__:
        raise UserError(f"{folder}: the state is one of {state['model']['algorithm']}, not of {algorithm.__name__}.")
    with fits_settings():
        model = algorithm(env=env, **settings.constructor_arguments(state["settings"], changes, str(folder)))
    set_model_state(model, state["model"])
    return model
