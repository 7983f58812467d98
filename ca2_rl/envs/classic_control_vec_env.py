"""Vectorised classic control envs that are stepped without Gymnasium's wrappers."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from ca2_rl.envs.classic_control import PHYSICS, State


class ClassicControlVecEnv(DummyVecEnv):
    """``DummyVecEnv`` that steps classic control envs by ``ca2_rl.envs.classic_control``, except for the last step of an episode.

    The last step, resets, seeding, rendering and monitor files are left to Gymnasium's envs and SB3's ``Monitor``, which first
    get the current state, so that none of their code is duplicated here. Other envs, and envs with wrappers other than
    those of ``gym.make`` and a ``Monitor``, are stepped as in ``DummyVecEnv``.

    :param env_fns: functions that make one env each
    """

    def __init__(self, env_fns: list[Callable[[], gym.Env]]):
        # One for each env; empty while the envs have the states. Set first, because the base class accesses the envs
        self._episodes: list[_Episode] = []
        super().__init__(env_fns)
        self._are_plain = all(_is_plain(env) for env in self.envs)
        self._form = self.action_space.dtype, (self.num_envs, *(self.action_space.shape or ()))

    def step_wait(self) -> VecEnvStepReturn:
        if not self._are_plain or _form(self.actions) != self._form:  # the precision of the physics depends on that of the actions
            self._return_states()
            return super().step_wait()
        self._episodes = self._episodes or [_Episode(env) for env in self.envs]
        observations: list[Any] = []
        rewards = []
        dones = np.zeros(self.num_envs, dtype=bool)
        infos: list[dict[str, Any]] = [{"TimeLimit.truncated": False} for _ in range(self.num_envs)]
        for i, (episode, action) in enumerate(zip(self._episodes, self.actions, strict=True)):
            observation, reward = episode.step(action) or self._step_env(i, dones, infos)
            observations.append(observation)
            rewards.append(reward)
        return np.array(observations, dtype=np.float32), np.array(rewards, dtype=np.float32), dones, infos

    def _step_env(self, i: int, dones: np.ndarray, infos: list[dict[str, Any]]) -> tuple[Any, float]:
        """Steps one env as ``DummyVecEnv`` does, and sets its done and info."""
        self._episodes[i].return_state()
        observation, reward, terminated, truncated, info = self.envs[i].step(self.actions[i])
        dones[i], infos[i] = terminated or truncated, info
        info["TimeLimit.truncated"] = truncated and not terminated
        if dones[i]:
            info["terminal_observation"] = observation
            observation, self.reset_infos[i] = self.envs[i].reset()
        self._episodes[i] = _Episode(self.envs[i])
        return observation, float(reward)

    def _return_states(self) -> None:
        """Puts the envs into the state in which they would be if they had made all steps themselves."""
        for episode in self._episodes:
            episode.return_state()
        self._episodes = []

    def reset(self) -> VecEnvObs:
        self._return_states()
        return super().reset()

    def get_images(self) -> Sequence[np.ndarray | None]:
        self._return_states()
        return super().get_images()

    def _get_target_envs(self, indices: VecEnvIndices) -> list[gym.Env]:
        # Code that reads or changes an env must find it up to date
        self._return_states()
        return super()._get_target_envs(indices)


class _Episode:
    """The rest of an env's episode, stepped outside of the env."""

    def __init__(self, env: gym.Env[Any, Any]):
        self.env, self.inner, self.time_limit = env, env.unwrapped, _time_limit(env)
        self.rewards: list[float] = []  # rewards since the env last had the state
        self.steps_left = 0
        if self.time_limit._elapsed_steps is not None:
            self.steps_left = self.time_limit._max_episode_steps - self.time_limit._elapsed_steps
            self.state, self.physics = PHYSICS[type(self.inner)](self.inner)

    def step(self, action: Any) -> tuple[State, float] | None:
        """Observation and reward; None if the env has to make the step."""
        if self.steps_left <= 1 or (moved := self.physics(self.state, action)) is None:
            return None
        self.state, observation, reward = moved
        self.steps_left -= 1
        self.rewards.append(reward)
        return observation, reward

    def return_state(self) -> None:
        if not self.rewards:
            return
        self.inner.state = np.array(self.state)  # type: ignore[attr-defined]
        self.time_limit._elapsed_steps += len(self.rewards)
        if isinstance(self.env, Monitor):
            self.env.rewards += self.rewards
            self.env.total_steps += len(self.rewards)


def _form(actions: Any) -> tuple[Any, Any]:
    """Dtype and shape; None for both if the actions are a list, which SB3's env accepts too."""
    return getattr(actions, "dtype", None), getattr(actions, "shape", None)


def _is_plain(env: gym.Env[Any, Any]) -> bool:
    """Whether an env is one of classic control, with a time limit and without wrappers that need to see each step."""
    wrappers = []
    inner = env.env if isinstance(env, Monitor) else env
    while isinstance(inner, gym.Wrapper):
        wrappers.append(type(inner))
        inner = inner.env
    time_limit: type = gym.wrappers.TimeLimit  # rl-zoo3 replaces it by its own class
    harmless = {time_limit, gym.wrappers.OrderEnforcing, gym.wrappers.PassiveEnvChecker}
    return type(inner) in PHYSICS and inner.render_mode != "human" and wrappers.count(time_limit) == 1 and set(wrappers) <= harmless


def _time_limit(env: gym.Env[Any, Any]) -> Any:
    """The wrapper that counts the steps."""
    while not isinstance(env, gym.wrappers.TimeLimit):
        assert isinstance(env, gym.Wrapper)
        env = env.env
    return env
