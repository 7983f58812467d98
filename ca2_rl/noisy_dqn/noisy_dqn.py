from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch as th
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, PyTorchObs, Schedule

from ca2_core.errors import UserError
from ca2_rl.common.constructors import check_arguments, check_policy_kwargs, handed_on
from ca2_rl.common.diagnostics import SIGMA
from ca2_rl.common.noisy_linear import split_noise
from ca2_rl.discretized_dqn.discretized_dqn import DiscretizedDQN, DQNSettings, QFunction
from ca2_rl.fast.blocks import Blocks
from ca2_rl.fast.numpy_network import NumpyNoise, numpy_noise
from ca2_rl.noisy_dqn.held_noise import HeldNoise
from ca2_rl.noisy_dqn.policies import CnnPolicy, MlpPolicy, MultiInputPolicy, NoisyDQNPolicy, NoisyQNetwork

EPSILON = ("exploration_fraction", "exploration_initial_eps", "exploration_final_eps")


class NoisyDQN(DiscretizedDQN):
    """DQN that explores by factorised Gaussian noise on its weights, whose scale is learned (Fortunato et al. 2017).

    There is no epsilon-greedy exploration. After ``learning_starts`` random steps, ``collect_rollouts`` and
    ``predict(deterministic=False)`` act under noise that is drawn separately for each env. Every gradient step draws new noise,
    independently for each network. ``predict(deterministic=True)`` uses the mean weights and draws no noise.
    https://arxiv.org/abs/1706.10295

    The parameters up to ``device`` are those of SB3's ``DQN``, in the same order; those from ``n_bins`` on are those of ``DiscretizedDQN``.

    :param policy: "MlpPolicy", "CnnPolicy", "MultiInputPolicy" or a class
    :param env: the environment or its id
    :param exploration_fraction: like ``exploration_initial_eps`` and ``exploration_final_eps``, only allowed if ``sigma0`` is 0
    :param sigma0: initial scale of the noise, >= 0; with 0 there is no noise, and exploration is that of ``DiscretizedDQN``
    :param exploration_hold: longest duration of a random action (before ``learning_starts``) or of a noise sample (afterwards), in steps
        within an episode, >= 1
    :raises UserError: if ``sigma0`` is negative, or an exploration argument is given with noise; see also ``DiscretizedDQN``
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": MlpPolicy,
        "CnnPolicy": CnnPolicy,
        "MultiInputPolicy": MultiInputPolicy,
    }
    DRAWN_AHEAD = ("fast", "_held_noise")
    policy: NoisyDQNPolicy
    q_net: NoisyQNetwork
    q_net_target: NoisyQNetwork

    def __init__(
        self,
        policy: str | type[NoisyDQNPolicy],
        env: GymEnv | str,
        learning_rate: float | Schedule = 1e-4,
        buffer_size: int = 1_000_000,
        learning_starts: int = 100,
        batch_size: int = 32,
        tau: float = 1.0,
        gamma: float = 0.99,
        train_freq: int | tuple[int, str] = 4,
        gradient_steps: int = 1,
        replay_buffer_class: type[ReplayBuffer] | None = None,
        replay_buffer_kwargs: dict[str, Any] | None = None,
        optimize_memory_usage: bool = False,
        n_steps: int = 1,
        target_update_interval: int = 10_000,
        exploration_fraction: float | None = None,
        exploration_initial_eps: float | None = None,
        exploration_final_eps: float | None = None,
        max_grad_norm: float = 10,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: th.device | str = "auto",
        _init_setup_model: bool = True,
        *,
        sigma0: float = 0.5,
        n_bins: int = 11,
        double_q: bool = False,
        dueling: bool = False,
        branching: bool = False,
        action_masks: bool = False,
        exploration_hold: int = 1,
        prioritized_replay: bool = False,
        priority_alpha: float = 0.5,
        priority_beta: float = 0.4,
        distribution: str | None = None,
        n_atoms: int = 51,
        v_min: float | None = None,
        v_max: float | None = None,
        n_quantiles: int = 25,
        munchausen: bool = False,
        munchausen_alpha: float = 0.9,
        munchausen_tau: float = 0.03,
        munchausen_clip: float = -1.0,
        compile: bool | None = None,
    ):
        check_arguments(locals())
        arguments = handed_on(locals(), DiscretizedDQN)
        given = {name: arguments.pop(name) for name in EPSILON}
        if sigma0 == 0:
            arguments |= {name: value for name, value in given.items() if value is not None}
        for name, value in given.items():
            if value is not None and sigma0 != 0:
                raise UserError(f"{name}: {type(self).__name__} has no epsilon: it explores by noise of scale sigma0. Leave {name} out.")
        check_policy_kwargs(policy_kwargs, {"sigma0": sigma0}, type(self).__name__)
        super().__init__(**arguments)
        self.sigma0 = sigma0
        if sigma0 != 0:
            vars(self).update(given)
        if _init_setup_model:
            self._setup_model()

    def _setup_model(self) -> None:
        self.policy_kwargs = {**self.policy_kwargs, "sigma0": self.sigma0}
        super()._setup_model()

    def state_parts(self) -> dict[str, Any]:
        return {**super().state_parts(), "held_noise": self._held_noise}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._hold_noise()

    def set_random_seed(self, seed: int | None = None) -> None:
        super().set_random_seed(seed)
        self._hold_noise()

    def _hold_noise(self) -> None:
        """Draws new noise for each env."""
        draws = Blocks(lambda n: numpy_noise(self.q_net.noisy_layers, self.q_net.sample_roots(n, self.n_envs)))
        self._held_noise = HeldNoise(draws, self.n_envs, self.exploration_hold)

    def _update_exploration(self) -> None:
        if not self.sigma0:  # with noise, there is no exploration rate to anneal
            super()._update_exploration()

    def dump_logs(self) -> None:
        for i, layer in enumerate(self.q_net.noisy_layers):
            self.logger.record(f"{SIGMA}{i}", layer.mean_sigma())
        super().dump_logs()

    def _end_episodes(self, ended: np.ndarray) -> None:
        super()._end_episodes(ended)
        self._held_noise.end_episodes(ended)

    def acting_noise(self) -> NumpyNoise | None:
        return self._held_noise.step() if self.sigma0 else None

    def _torch_q_values(self, obs: PyTorchObs, noise: NumpyNoise | None) -> th.Tensor:
        if noise is None:
            return super()._torch_q_values(obs, noise)
        as_tensors = [(th.as_tensor(into, device=self.device), th.as_tensor(out, device=self.device)) for into, out in noise]
        q_values: th.Tensor = self.q_net(obs, as_tensors)
        return q_values

    def draw_noise(self, n: int, batch_size: int, settings: DQNSettings) -> th.Tensor:
        if not self.sigma0:
            return super().draw_noise(n, batch_size, settings)
        # Independent samples for the online network, the target network and double Q-learning's choice (eq. 18 and 19). The roots
        # are computed here: a compiled step would recompute them for each weight
        return self.q_net.sample_roots(n, 3 if settings.double_q else 2)

    def q_functions(self, noise: th.Tensor, settings: DQNSettings) -> tuple[QFunction, QFunction, QFunction | None]:
        if not self.sigma0:
            return super().q_functions(noise, settings)
        networks = (self.q_net, self.q_net_target, self.q_net) if settings.double_q else (self.q_net, self.q_net_target)
        online, target, *selector = (
            partial(network.outputs, noise=split_noise(network.noisy_layers, each)) for network, each in zip(networks, noise, strict=True)
        )
        return online, target, selector[0] if selector else None
