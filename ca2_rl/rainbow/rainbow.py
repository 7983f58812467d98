from typing import Any

import torch as th
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import GymEnv, Schedule

from ca2_rl.common.constructors import handed_on
from ca2_rl.noisy_dqn.noisy_dqn import NoisyDQN
from ca2_rl.noisy_dqn.policies import NoisyDQNPolicy


class Rainbow(NoisyDQN):
    """DQN with six improvements (Hessel et al. 2018): ``NoisyDQN`` with other defaults.

    Each improvement can be switched off: noise by ``sigma0=0``, which brings back epsilon-greedy exploration, the others by
    ``double_q=False``, ``dueling=False``, ``prioritized_replay=False``, ``n_steps=1`` and ``distribution=None``. The default distribution
    is learned by quantiles, which need no range of returns; the paper's is ``distribution="categorical"`` with ``v_min`` and ``v_max``.
    https://arxiv.org/abs/1710.02298

    The parameters up to ``device`` are those of SB3's ``DQN``, in the same order; the others are those of ``NoisyDQN``.

    :param policy: "MlpPolicy", "CnnPolicy", "MultiInputPolicy" or a class
    :param env: the environment or its id
    :raises UserError: as ``NoisyDQN`` does
    """

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
        n_steps: int = 3,
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
        double_q: bool = True,
        dueling: bool = True,
        branching: bool = False,
        action_masks: bool = False,
        exploration_hold: int = 1,
        prioritized_replay: bool = True,
        priority_alpha: float = 0.5,
        priority_beta: float = 0.4,
        distribution: str | None = "quantile",
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
        super().__init__(**handed_on(locals(), NoisyDQN))
        if _init_setup_model:
            self._setup_model()
