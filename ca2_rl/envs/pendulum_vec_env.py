"""Pendulum-v1, one or several at a time, stepped without Gymnasium's wrappers."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control.pendulum import PendulumEnv
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from ca2_rl.envs import pendulum


class PendulumVecEnv(DummyVecEnv):
    """``DummyVecEnv`` whose Pendulum-v1 are stepped by ``ca2_rl.envs.pendulum``, but for the last step of an episode.

    That step, resets, seeds, pictures and monitor files stay with Gymnasium's envs and SB3's ``Monitor``, which are given
    the state for it: none of what they do is done here a second time. Envs of another kind, or with other wrappers than
    those of ``gym.make`` and a ``Monitor``, are stepped as in ``DummyVecEnv``.

    :param env_fns: make one env each
    """

    def __init__(self, env_fns: list[Callable[[], gym.Env]]):
        # Before all else: the base class looks into the envs already
        self._steps_left = 0  # until the first env ends its episode; 0: the envs have the states
        self._rewards: list[list[float]] = []  # [n_envs] each, of the steps since the envs had the states
        super().__init__(env_fns)
        self._are_plain = all(_is_plain(env) for env in self.envs)
        self._states = np.zeros((self.num_envs, 2))
        self._gravity = np.zeros(self.num_envs)
        self._torques = np.zeros(self.num_envs)

    def step_wait(self) -> VecEnvStepReturn:
        if self._steps_left == 0 and self._are_plain:
            self._take_states()
        if self._steps_left <= 1:
            self._return_states()
            return super().step_wait()
        self._steps_left -= 1
        self._torques = self.actions.reshape(self.num_envs)
        observations, rewards = self._step_one() if self.num_envs == 1 else self._step_all()
        self._rewards.append(rewards)
        infos: list[dict[str, Any]] = [{"TimeLimit.truncated": False} for _ in range(self.num_envs)]
        return observations, np.array(rewards, dtype=np.float32), np.zeros(self.num_envs, dtype=bool), infos

    def _step_all(self) -> tuple[np.ndarray, list[float]]:
        self._states, rewards = pendulum.step(self._states, self._torques, self._gravity)
        return pendulum.observe(self._states), rewards.tolist()

    def _step_one(self) -> tuple[np.ndarray, list[float]]:
        """For one env Python's floats are quicker than arrays."""
        theta, speed = self._states[0].tolist()
        theta, speed, reward = pendulum.step_one(theta, speed, self._torques.item(), self._gravity.item())
        self._states[0] = theta, speed
        return np.array([[math.cos(theta), math.sin(theta), speed]], dtype=np.float32), [reward]

    def _take_states(self) -> None:
        limits = [_time_limit(env) for env in self.envs]
        if all(limit._elapsed_steps is not None for limit in limits):
            self._steps_left = min(limit._max_episode_steps - limit._elapsed_steps for limit in limits)
            self._states = np.array([_physics(env).state for env in self.envs])
            self._gravity = np.array([_physics(env).g for env in self.envs])

    def _return_states(self) -> None:
        """Leaves the envs as if they had made all steps by themselves."""
        self._steps_left = 0
        if not self._rewards:
            return
        for i, env in enumerate(self.envs):
            _physics(env).state = self._states[i]
            _physics(env).last_u = np.clip(self._torques[i], -pendulum.MAX_TORQUE, pendulum.MAX_TORQUE)
            _time_limit(env)._elapsed_steps += len(self._rewards)
            if isinstance(env, Monitor):
                env.rewards += [rewards[i] for rewards in self._rewards]
                env.total_steps += len(self._rewards)
        self._rewards = []

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


def _is_plain(env: gym.Env) -> bool:
    """Whether the env is Gymnasium's pendulum with a time limit and no wrapper that would see the single steps."""
    wrappers = []
    inner = env.env if isinstance(env, Monitor) else env
    while isinstance(inner, gym.Wrapper):
        wrappers.append(type(inner))
        inner = inner.env
    time_limit: type = gym.wrappers.TimeLimit  # rl-zoo3 puts its own there
    harmless = {time_limit, gym.wrappers.OrderEnforcing, gym.wrappers.PassiveEnvChecker}
    return type(inner) is PendulumEnv and inner.render_mode != "human" and wrappers.count(time_limit) == 1 and set(wrappers) <= harmless


def _time_limit(env: gym.Env) -> Any:
    """The wrapper that counts the steps."""
    while not isinstance(env, gym.wrappers.TimeLimit):
        assert isinstance(env, gym.Wrapper)
        env = env.env
    return env


def _physics(env: gym.Env) -> Any:
    """The env inside all wrappers, which has the state."""
    return env.unwrapped
