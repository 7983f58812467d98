"""Collecting experience with less overhead than SB3, where observations are vectors; elsewhere SB3's own way."""

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.type_aliases import RolloutReturn, TrainFreq
from stable_baselines3.common.utils import should_collect_more_steps
from stable_baselines3.common.vec_env import VecEnv

from ca2_rl.common.numpy_network import Array, Layer
from ca2_rl.common.replay_buffer import QuickNStepReplayBuffer, QuickReplayBuffer


class WithQuickRollouts(OffPolicyAlgorithm):
    """Acts by a NumPy network, ``_acting``, where it can, and collects with it."""

    _acting: Layer | None

    def _numpy_network(self) -> Layer | None:
        """The network that chooses actions, for observations [N, d]; None if NumPy can't evaluate it."""
        raise NotImplementedError

    def _setup_model(self) -> None:
        self._acting = None
        if self.n_steps > 1 and self.replay_buffer_class is NStepReplayBuffer:
            self.replay_buffer_class = None  # SB3's own choice: on loading it warns of it as if the user had made it
        if self.replay_buffer_class in (None, QuickReplayBuffer):  # chosen anew for a loaded agent
            has_dicts = isinstance(self.observation_space, spaces.Dict)
            self.replay_buffer_class = None if has_dicts or self.n_steps > 1 else QuickReplayBuffer
            if self.n_steps > 1 and not (has_dicts or self.optimize_memory_usage) and self.replay_buffer is None:
                self.replay_buffer = self._n_step_buffer()  # of a class of ours, SB3 would warn that it ignores n_steps
        super()._setup_model()

    def _n_step_buffer(self) -> QuickNStepReplayBuffer:
        settings = {**self.replay_buffer_kwargs, "n_steps": self.n_steps, "gamma": self.gamma}
        return QuickNStepReplayBuffer(self.buffer_size, self.observation_space, self.action_space, self.device, self.n_envs, **settings)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_acting"]

    def _setup_learn(self, *args: Any, **kwargs: Any) -> tuple[int, BaseCallback]:
        has_vectors = isinstance(self.observation_space, spaces.Box) and not is_image_space(self.observation_space)
        is_plain = self.device.type == "cpu" and self.policy.features_extractor_class is FlattenExtractor
        # Made anew for each training: the weights may have moved in memory
        self._acting = self._numpy_network() if has_vectors and is_plain else None
        return super()._setup_learn(*args, **kwargs)

    def _vectors(self) -> Array:
        """The last observations, [n_envs, d]."""
        assert isinstance(self._last_obs, np.ndarray)
        obs = self._last_obs
        return obs if obs.ndim == 2 and obs.dtype == np.float32 else obs.reshape(len(obs), -1).astype(np.float32)

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        train_freq: TrainFreq,
        replay_buffer: ReplayBuffer,
        action_noise: ActionNoise | None = None,
        learning_starts: int = 0,
        log_interval: int | None = None,
    ) -> RolloutReturn:
        """SB3's, step for step, for vectors that go to a ``QuickReplayBuffer`` as they are; SB3's own for all else."""
        if self._acting is None or self._vec_normalize_env is not None or not isinstance(replay_buffer, QuickReplayBuffer):
            return super().collect_rollouts(env, callback, train_freq, replay_buffer, action_noise, learning_starts, log_interval)
        self.policy.set_training_mode(False)
        is_watched = not (type(callback) is CallbackList and not callback.callbacks)
        num_collected_steps, num_collected_episodes = 0, 0
        if is_watched:
            callback.on_rollout_start()
        while should_collect_more_steps(train_freq, num_collected_steps, num_collected_episodes):
            actions, buffer_actions = self._sample_action(learning_starts, action_noise, env.num_envs)
            new_obs, rewards, dones, infos = env.step(actions)
            self.num_timesteps += env.num_envs
            num_collected_steps += 1
            if is_watched:
                callback.update_locals(locals())
                if not callback.on_step():
                    return RolloutReturn(num_collected_steps * env.num_envs, num_collected_episodes, continue_training=False)
            ended = [i for i, done in enumerate(dones.tolist()) if done]
            next_obs = new_obs
            if ended:  # then ``new_obs`` is the first of the next episode
                self._update_info_buffer(infos, dones)
                assert isinstance(new_obs, np.ndarray)
                next_obs = new_obs.copy()
                for i in ended:
                    if infos[i].get("terminal_observation") is not None:
                        next_obs[i] = infos[i]["terminal_observation"]
            replay_buffer.add(self._last_obs, next_obs, buffer_actions, rewards, dones, infos)  # type: ignore[arg-type]
            self._last_obs = self._last_original_obs = new_obs  # type: ignore[assignment]
            self._update_current_progress_remaining(self.num_timesteps, self._total_timesteps)
            self._on_step()
            for i in ended:
                num_collected_episodes += 1
                self._episode_num += 1
                if action_noise is not None:
                    action_noise.reset(**({"indices": [i]} if env.num_envs > 1 else {}))
                if log_interval is not None and self._episode_num % log_interval == 0:
                    self.dump_logs()
        if is_watched:
            callback.on_rollout_end()
        return RolloutReturn(num_collected_steps * env.num_envs, num_collected_episodes, continue_training=True)
