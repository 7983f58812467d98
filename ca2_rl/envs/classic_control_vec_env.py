"""Gymnasium's classic control, one or several envs at a time, stepped without Gymnasium's wrappers."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from ca2_rl.envs.classic_control import PHYSICS, State


class ClassicControlVecEnv(DummyVecEnv):
    """``DummyVecEnv`` whose envs of classic control are stepped by ``ca2_rl.envs.classic_control``, but for an episode's last step.

    That step, resets, seeds, pictures and monitor files stay with Gymnasium's envs and SB3's ``Monitor``, which are given
    the state for it: none of what they do is done here a second time. Envs of another kind, or with other wrappers than
    those of ``gym.make`` and a ``Monitor``, are stepped as in ``DummyVecEnv``.

    :param env_fns: make one env each
    """

    def __init__(self, env_fns: list[Callable[[], gym.Env]]):
        # One for each env, or none: the envs have the states. The base class looks into them already
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
        """As ``DummyVecEnv`` steps an env; fills its done and info."""
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
        """Leaves the envs as if they had made all steps by themselves."""
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
        # Whoever looks at an env, or changes it, finds it up to date
        self._return_states()
        return super()._get_target_envs(indices)


class _Episode:
    """What an env's episode has still to come, stepped outside of the env."""

    def __init__(self, env: gym.Env[Any, Any]):
        self.env, self.inner, self.time_limit = env, env.unwrapped, _time_limit(env)
        self.rewards: list[float] = []  # of the steps since the env had the state
        self.steps_left = 0
        if self.time_limit._elapsed_steps is not None:
            self.steps_left = self.time_limit._max_episode_steps - self.time_limit._elapsed_steps
            self.state, self.physics = PHYSICS[type(self.inner)](self.inner)

    def step(self, action: Any) -> tuple[State, float] | None:
        """What is observed and the reward; None if the env has to make the step."""
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
    """Type and shape; of a list, which SB3's env takes too, none."""
    return getattr(actions, "dtype", None), getattr(actions, "shape", None)


def _is_plain(env: gym.Env[Any, Any]) -> bool:
    """Whether it is of classic control, with a time limit and no wrapper that would see the single steps."""
    wrappers = []
    inner = env.env if isinstance(env, Monitor) else env
    while isinstance(inner, gym.Wrapper):
        wrappers.append(type(inner))
        inner = inner.env
    time_limit: type = gym.wrappers.TimeLimit  # rl-zoo3 puts its own there
    harmless = {time_limit, gym.wrappers.OrderEnforcing, gym.wrappers.PassiveEnvChecker}
    return type(inner) in PHYSICS and inner.render_mode != "human" and wrappers.count(time_limit) == 1 and set(wrappers) <= harmless


def _time_limit(env: gym.Env[Any, Any]) -> Any:
    """The wrapper that counts the steps."""
    while not isinstance(env, gym.wrappers.TimeLimit):
        assert isinstance(env, gym.Wrapper)
        env = env.env
    return env
