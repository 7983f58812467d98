"""Saves and restores the states of environments and wrappers. An adapter lists the attributes that make up the state of a class."""

import time
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import wrappers
from gymnasium.envs import classic_control
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecCheckNan,
    VecEnv,
    VecEnvWrapper,
    VecFrameStack,
    VecNormalize,
    VecTransposeImage,
)
from stable_baselines3.common.vec_env.stacked_observations import StackedObservations

from ca2_core.errors import UserError
from ca2_rl.common.random_numbers import generator, generator_state, set_space_state, space_state
from ca2_rl.envs.classic_control_vec_env import ClassicControlVecEnv
from ca2_rl.envs.end_point_actions import EndPointActions

GROUP = "ca2_rl.env_states"
# Attributes on which the next steps depend, by exact class: a subclass may have more
ADAPTERS: dict[type, tuple[str, ...]] = {
    classic_control.PendulumEnv: ("state", "last_u"),
    classic_control.CartPoleEnv: ("state", "steps_beyond_terminated"),
    classic_control.MountainCarEnv: ("state",),
    classic_control.Continuous_MountainCarEnv: ("state",),
    classic_control.AcrobotEnv: ("state",),
    wrappers.OrderEnforcing: ("_has_reset",),
    wrappers.PassiveEnvChecker: (),
    wrappers.ClipAction: (),
    wrappers.RescaleAction: (),
    wrappers.FlattenObservation: (),
    wrappers.TimeAwareObservation: ("timesteps",),
    EndPointActions: (),
}
# Vectorised envs and wrappers that can be saved, by exact class
VEC_ENVS = (DummyVecEnv, ClassicControlVecEnv)
VEC_WRAPPERS = (VecNormalize, VecFrameStack, VecTransposeImage, VecCheckNan)


def register_env_state(env_class: type[gym.Env[Any, Any]], *attributes: str) -> None:
    """Registers the attributes that make up the state of an environment or wrapper, so that trainings can resume within an episode.

    A package can register its own by an entry point of the group ``ca2_rl.env_states``: a function without arguments that calls this one.

    :param env_class: exactly this class, not its subclasses
    :param attributes: names of all attributes on which the next steps depend, except ``np_random``. Their values may be numbers, strings,
        arrays, lists, tuples and dicts of these, spaces to sample from, and NumPy generators. No names for a wrapper without a state
    """
    ADAPTERS[env_class] = attributes


@cache
def _register_installed() -> None:
    for entry_point in entry_points(group=GROUP):
        entry_point.load()()


def _attributes(layer: gym.Env[Any, Any]) -> tuple[str, ...] | None:
    """The attributes in the class's adapter; None without an adapter."""
    if type(layer) in wrappers.TimeLimit.__mro__[:-1] and isinstance(layer, gym.Wrapper) and hasattr(layer, "_elapsed_steps"):
        return ("_elapsed_steps",)  # rl-zoo3 replaces it by its own class
    return ADAPTERS.get(type(layer))


def _layers(env: gym.Env[Any, Any]) -> Iterator[gym.Env[Any, Any]]:
    """The env and all envs that it wraps, from the outermost to the innermost."""
    yield env
    while isinstance(env, gym.Wrapper):
        env = env.env
        yield env


class SeededEpisodes(gym.Wrapper[Any, Any, Any, Any]):
    """Seeds each episode with a number derived from the first seed, so that an env that can't be saved can repeat any episode."""

    def __init__(self, env: gym.Env[Any, Any], seed: int):
        super().__init__(env)
        self.first_seed, self.episode = seed, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        if seed is None:
            self.episode += 1
            seed = int(np.random.SeedSequence([self.first_seed, self.episode]).generate_state(1)[0] >> 1)
        else:
            self.first_seed, self.episode = seed, 0
        return super().reset(seed=seed, options=options)


def _seeded(env: gym.Env[Any, Any]) -> SeededEpisodes | None:
    return next((layer for layer in _layers(env) if isinstance(layer, SeededEpisodes)), None)


def _monitors(env: gym.Env[Any, Any]) -> list[Monitor[Any, Any]]:
    return [layer for layer in _layers(env) if isinstance(layer, Monitor)]


def seed_episodes(venv: VecEnv, seed: int) -> None:
    """Wraps each env that can't be saved in ``SeededEpisodes``.

    :param seed: seed of the first env; the next one has ``seed + 1``
    """
    inner = venv.unwrapped
    if type(inner) not in VEC_ENVS:
        return
    assert isinstance(inner, DummyVecEnv)
    for i, env in enumerate(inner.envs):
        if not can_save(env) and _seeded(env) is None:
            inner.envs[i] = SeededEpisodes(env, seed + i)


def can_save(env: gym.Env[Any, Any]) -> bool:
    """Whether every layer of an env has an adapter, so that the env can be saved within an episode."""
    _register_installed()
    return all(isinstance(layer, Monitor) or _attributes(layer) is not None for layer in _layers(env))


def unsaved(venv: VecEnv) -> list[str]:
    """Names of the classes of a vectorised env, its wrappers and its envs that can't be saved within an episode."""
    _register_installed()
    found = []
    while isinstance(venv, VecEnvWrapper):
        if type(venv) not in VEC_WRAPPERS:
            found.append(type(venv).__name__)
        venv = venv.venv
    if type(venv) not in VEC_ENVS:
        return [*found, type(venv).__name__]
    assert isinstance(venv, DummyVecEnv)
    layers = [layer for env in venv.envs for layer in _layers(env) if not isinstance(layer, (Monitor, SeededEpisodes))]
    return list(dict.fromkeys(found + [type(layer).__name__ for layer in layers if _attributes(layer) is None]))


def unsaved_text(names: list[str]) -> str:
    """The message about the classes that ``unsaved`` names."""
    return f"{', '.join(names)}: can't be saved. A resumed training begins new episodes, so its results will differ."


def is_seeded(venv: VecEnv) -> bool:
    """Whether there is exactly one env and its next episode is known, so that it can be saved at the end of each episode."""
    inner = venv.unwrapped
    return isinstance(inner, DummyVecEnv) and len(inner.envs) == 1 and _seeded(inner.envs[0]) is not None


def env_state(env: gym.Env[Any, Any]) -> Any:
    """State of one env. For one that can't be saved: its first seed, the number of its episode, and the state of its monitors."""
    if (seeded := _seeded(env)) is not None:
        return {
            "first_seed": seeded.first_seed,
            "episode": seeded.episode,
            "monitors": [_monitor_state(monitor) for monitor in _monitors(env)],
        }
    return {
        "layers": [_layer_state(layer) for layer in _layers(env)],
        "spaces": [space_state(layer.action_space) for layer in _layers(env)],
        "np_random": generator_state(env.unwrapped._np_random),
    }


def set_env_state(env: gym.Env[Any, Any], state: Any) -> None:
    """Restores the state of an env. An env that can't be saved restarts the episode that it was in."""
    if (seeded := _seeded(env)) is not None:
        seeded.first_seed, seeded.episode = state["first_seed"], state["episode"]
        if seeded.episode > 0:
            seeded.episode -= 1
            env.reset()
        else:
            env.reset(seed=seeded.first_seed)
        for monitor, its in zip(_monitors(env), state["monitors"], strict=True):
            _set_monitor_state(monitor, its)
        return
    for layer, its, space in zip(_layers(env), state["layers"], state["spaces"], strict=True):
        set_space_state(layer.action_space, space)
        if isinstance(layer, Monitor):
            _set_monitor_state(layer, its)
            continue
        if isinstance(layer, wrappers.PassiveEnvChecker):  # it would compare with an observation from before
            layer.checked_reset = layer.checked_step = layer.checked_data_reuse = True
        for name in _attributes(layer) or ():
            if name in its:
                _set_attribute(layer, name, its[name])
    env.unwrapped._np_random = generator(state["np_random"])


def _layer_state(layer: gym.Env[Any, Any]) -> Any:
    if isinstance(layer, Monitor):
        return _monitor_state(layer)
    names = _attributes(layer)
    assert names is not None
    return {name: _attribute(getattr(layer, name)) for name in names if hasattr(layer, name)}  # it may be missing before the first reset


def _attribute(value: Any) -> Any:
    if isinstance(value, gym.Space):
        return space_state(value)
    return generator_state(value) if isinstance(value, np.random.Generator) else value


def _set_attribute(layer: gym.Env[Any, Any], name: str, state: Any) -> None:
    present = getattr(layer, name, None)
    if isinstance(present, gym.Space):
        set_space_state(present, state)
    else:
        setattr(layer, name, generator(state) if isinstance(present, np.random.Generator) else state)


def _monitor_state(monitor: Monitor[Any, Any]) -> dict[str, Any]:
    lists = ("rewards", "episode_returns", "episode_lengths", "episode_times")
    return {name: np.array(getattr(monitor, name)) for name in lists} | {
        "needs_reset": monitor.needs_reset,
        "total_steps": monitor.total_steps,
        "seconds": time.time() - monitor.t_start,
    }


def _set_monitor_state(monitor: Monitor[Any, Any], state: dict[str, Any]) -> None:
    for name in ("rewards", "episode_returns", "episode_lengths", "episode_times"):
        setattr(monitor, name, state[name].tolist())
    monitor.needs_reset, monitor.total_steps = state["needs_reset"], state["total_steps"]
    monitor.t_start = time.time() - state["seconds"]


def vec_env_state(venv: VecEnv, exact: bool = True) -> Any:
    """States of all envs and wrappers, except those that can't be saved.

    :param exact: whether the envs are at a step from which they can be resumed; otherwise all envs are left out
    """
    layers = []
    while isinstance(venv, VecEnvWrapper):
        layers.append(_vec_wrapper_state(venv))
        venv = venv.venv
    envs, seeds = None, []
    if exact and type(venv) in VEC_ENVS:
        assert isinstance(venv, DummyVecEnv)
        seeds = list(venv._seeds)  # for envs that have not been reset yet
        venv._get_target_envs(None)  # makes ClassicControlVecEnv return their states to the envs
        envs = [env_state(env) if can_save(env) or _seeded(env) is not None else None for env in venv.envs]
    return {"layers": layers, "envs": envs, "seeds": seeds}


def set_vec_env_state(venv: VecEnv, state: Any) -> None:
    """Restores the envs and wrappers that are in the state."""
    for its in state["layers"]:
        assert isinstance(venv, VecEnvWrapper)
        _set_vec_wrapper_state(venv, its)
        venv = venv.venv
    if state["envs"] is None or not isinstance(venv, DummyVecEnv):
        return
    if len(state["envs"]) != venv.num_envs:
        raise UserError(f"the state has {len(state['envs'])} envs, the training {venv.num_envs}.")
    venv._get_target_envs(None)
    for env, its in zip(venv.envs, state["envs"], strict=True):
        if its is not None:
            set_env_state(env, its)
    venv._seeds = list(state["seeds"])
    venv._reset_options()


def _vec_wrapper_state(wrapper: VecEnvWrapper) -> dict[str, Any]:
    if isinstance(wrapper, VecNormalize):
        return {
            "obs": {key: _moments(rms) for key, rms in _observation_statistics(wrapper).items()},
            "return": _moments(wrapper.ret_rms),
            "returns": wrapper.returns,
            "old_obs": getattr(wrapper, "old_obs", None),
            "old_reward": wrapper.old_reward,
        }
    if isinstance(wrapper, VecFrameStack):
        return {"stacked": _stacked(wrapper.stacked_obs)}
    return {}


def _set_vec_wrapper_state(wrapper: VecEnvWrapper, state: dict[str, Any]) -> None:
    if isinstance(wrapper, VecNormalize):
        for key, rms in _observation_statistics(wrapper).items():
            _set_moments(rms, state["obs"][key])
        _set_moments(wrapper.ret_rms, state["return"])
        wrapper.returns, wrapper.old_obs, wrapper.old_reward = state["returns"], state["old_obs"], state["old_reward"]
    elif isinstance(wrapper, VecFrameStack):
        _set_stacked(wrapper.stacked_obs, state["stacked"])


def _observation_statistics(wrapper: VecNormalize) -> dict[str, RunningMeanStd]:
    statistics: Any = wrapper.obs_rms if wrapper.norm_obs else {}
    return statistics if isinstance(statistics, dict) else {"": statistics}


def _moments(rms: RunningMeanStd) -> tuple[Any, Any, Any]:
    return rms.mean, rms.var, rms.count


def _set_moments(rms: RunningMeanStd, moments: tuple[Any, Any, Any]) -> None:
    rms.mean, rms.var, rms.count = moments


def _stacked(stack: StackedObservations[Any]) -> Any:
    if hasattr(stack, "sub_stacked_observations"):
        return {key: _stacked(part) for key, part in stack.sub_stacked_observations.items()}
    return stack.stacked_obs


def _set_stacked(stack: StackedObservations[Any], state: Any) -> None:
    if hasattr(stack, "sub_stacked_observations"):
        for key, part in stack.sub_stacked_observations.items():
            _set_stacked(part, state[key])
    else:
        stack.stacked_obs = state
