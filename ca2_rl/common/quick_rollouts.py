"""Collecting experience with less overhead than SB3, where observations are vectors; elsewhere SB3's own way."""

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import FlattenExtractor

from ca2_rl.common.numpy_network import Array, Layer
from ca2_rl.common.replay_buffer import QuickReplayBuffer


class WithQuickRollouts(OffPolicyAlgorithm):
    """Acts by a NumPy network, ``_acting``, where it can, and stores transitions without deep copies."""

    _acting: Layer | None

    def _numpy_network(self) -> Layer | None:
        """The network that chooses actions, for observations [N, d]; None if NumPy can't evaluate it."""
        raise NotImplementedError

    def _setup_model(self) -> None:
        self._acting = None
        if self.replay_buffer_class in (None, QuickReplayBuffer):  # chosen anew for a loaded agent
            is_simple = self.n_steps == 1 and not isinstance(self.observation_space, spaces.Dict)
            self.replay_buffer_class = QuickReplayBuffer if is_simple else None
        super()._setup_model()

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
        return self._last_obs.reshape(len(self._last_obs), -1).astype(np.float32, copy=False)

    def _store_transition(
        self,
        replay_buffer: ReplayBuffer,
        buffer_action: np.ndarray,
        new_obs: np.ndarray | dict[str, np.ndarray],
        reward: np.ndarray,
        dones: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        if self._vec_normalize_env is not None or not isinstance(replay_buffer, QuickReplayBuffer):
            super()._store_transition(replay_buffer, buffer_action, new_obs, reward, dones, infos)
            return
        assert isinstance(new_obs, np.ndarray)
        assert isinstance(self._last_obs, np.ndarray)
        next_obs = new_obs
        if dones.any():  # then ``new_obs`` is the first of the next episode
            next_obs = new_obs.copy()
            for i in np.flatnonzero(dones):
                if infos[i].get("terminal_observation") is not None:
                    next_obs[i] = infos[i]["terminal_observation"]
        replay_buffer.add(self._last_obs, next_obs, buffer_action, reward, dones, infos)
        self._last_obs = self._last_original_obs = new_obs
