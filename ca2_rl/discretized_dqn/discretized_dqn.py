from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch as th
from gymnasium import spaces
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, PyTorchObs, ReplayBufferSamples, Schedule
from stable_baselines3.common.utils import polyak_update
from torch import nn
from torch.nn import functional as F
from torch.optim import Optimizer

from ca2_core.errors import UserError
from ca2_rl.common.action_bins import ActionBins
from ca2_rl.common.constructors import handed_on
from ca2_rl.common.diagnostics import GRADIENT_NORM, MEAN_Q
from ca2_rl.common.ez_greedy import EZGreedy, epsilon_greedy
from ca2_rl.discretized_dqn.policies import CnnPolicy, DiscretizedDQNPolicy, DiscretizedQNetwork, MlpPolicy, MultiInputPolicy
from ca2_rl.fast import Accelerated
from ca2_rl.fast.numpy_network import Layer, NumpyNoise
from ca2_rl.fast.updates import Minimise

QFunction = Callable[[th.Tensor], th.Tensor]


@dataclass(frozen=True)
class DQNSettings:
    """What a gradient step depends on beside networks, batch and noise. See ``DiscretizedDQN``."""

    gamma: float
    max_grad_norm: float
    double_q: bool


class _ActsInBoxes(OffPolicyAlgorithm):
    """Next in line after DQN, so that its ``super().__init__`` arrives here: lets Box through as well."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{**kwargs, "supported_action_spaces": (spaces.Discrete, spaces.Box)})


class DiscretizedDQN(Accelerated, DQN, _ActsInBoxes):
    """DQN (Mnih et al. 2015) that also acts in a Box, on a grid of ``n_bins`` values per dimension, without a wrapper.

    The env keeps its own action space: ``predict`` returns torques, the replay buffer keeps the index of the bin.
    On a Discrete space it is SB3's DQN. https://www.nature.com/articles/nature14236

    The parameters up to ``device`` are those of SB3's ``DQN``, in its order.

    :param policy: "MlpPolicy", "CnnPolicy", "MultiInputPolicy" or a class
    :param env: the environment or its id
    :param n_bins: values per dimension of a Box, >= 2, end points included; an odd number has the middle of the range
    :param double_q: the online network chooses the next action, the target network values it (van Hasselt et al. 2016)
    :param dueling: separate streams for value and advantage (Wang et al. 2016)
    :param exploration_hold: most steps that a random action of the training is held for, within its episode, >= 1; 1 is
        epsilon-greedy (Dabney et al. 2021, https://arxiv.org/abs/2006.01782, with other durations: see docs/rl/discretized_dqn.md)
    :param compile: whether gradient steps are compiled; None: if they can be and it pays (see docs/rl/speed.md)
    :raises AssertionError: if the action space is no Box or Discrete, as SB3 does
    :raises UserError: if ``n_bins`` < 2, the grid has over 4,096 actions, or ``exploration_hold`` < 1
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": MlpPolicy,
        "CnnPolicy": CnnPolicy,
        "MultiInputPolicy": MultiInputPolicy,
    }
    METRICS = ("train/loss", GRADIENT_NORM, MEAN_Q)
    policy: DiscretizedDQNPolicy
    q_net: DiscretizedQNetwork
    q_net_target: DiscretizedQNetwork

    def __init__(
        self,
        policy: str | type[DiscretizedDQNPolicy],
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
        exploration_fraction: float = 0.1,
        exploration_initial_eps: float = 1.0,
        exploration_final_eps: float = 0.05,
        max_grad_norm: float = 10,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: th.device | str = "auto",
        _init_setup_model: bool = True,
        *,
        n_bins: int = 11,
        double_q: bool = False,
        dueling: bool = False,
        exploration_hold: int = 1,
        compile: bool | None = None,
    ):
        super().__init__(**handed_on(locals(), DQN))
        self.n_bins = n_bins
        self.double_q = double_q
        self.dueling = dueling
        self.exploration_hold = exploration_hold
        self.compile = compile
        if _init_setup_model:
            self._setup_model()

    def _setup_model(self) -> None:
        if self.exploration_hold < 1:
            raise UserError(f"exploration_hold={self.exploration_hold}: a random action lasts at least 1 step.")
        self.bins = ActionBins(self.action_space, self.n_bins)
        self._ez_greedy = EZGreedy(self.n_envs, self.exploration_hold)
        self.policy_kwargs = {**self.policy_kwargs, "n_bins": self.n_bins, "dueling": self.dueling}
        super()._setup_model()
        # SB3 sized the buffer for an action of the env; it keeps one index
        buffer = self.replay_buffer
        assert buffer is not None
        buffer.action_space = self.bins.index_space
        buffer.action_dim = 1
        buffer.actions = np.zeros((*buffer.rewards.shape, 1), dtype=np.int64)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "bins", "_ez_greedy"]

    def state_parts(self) -> dict[str, Any]:
        return {**super().state_parts(), "bins": self.bins, "random_actions": self._ez_greedy}

    def set_random_seed(self, seed: int | None = None) -> None:
        super().set_random_seed(seed)
        if seed is not None:
            self.bins.index_space.seed(seed)

    def _setup_learn(self, *args: Any, **kwargs: Any) -> tuple[int, BaseCallback]:
        last_obs = self._last_obs
        prepared = super()._setup_learn(*args, **kwargs)
        if self._last_obs is not last_obs:  # the envs were reset
            self._end_episodes(np.ones(self.n_envs, dtype=bool))
        return prepared

    def _update_info_buffer(self, infos: list[dict[str, Any]], dones: np.ndarray | None = None) -> None:
        super()._update_info_buffer(infos, dones)
        if dones is not None:
            self._end_episodes(dones)

    def _end_episodes(self, ended: np.ndarray) -> None:
        """Tells what lasts within an episode only that those of some envs have ended: bool [n_envs]."""
        self._ez_greedy.end_episodes(ended)

    def _random_index(self, n: int) -> np.ndarray:
        return np.array([self.bins.index_space.sample() for _ in range(n)], dtype=np.int64)

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Actions for the envs [n_envs, ...], and their bins [n_envs] for the buffer."""
        if self.num_timesteps >= learning_starts:
            index = self._ez_greedy.act(self._greedy_index(), self.exploration_rate, self._random_index)
        elif self.exploration_hold > 1:
            index = self._ez_greedy.act(np.zeros(n_envs, dtype=np.int64), 1.0, self._random_index)
        else:
            index = self._random_index(n_envs)
        return self.bins.actions[index], index

    def _greedy_index(self) -> np.ndarray:
        """Bins of the highest Q-values for the last observations, under noise if there is any: int64 [n_envs]."""
        assert self._last_obs is not None
        noise = self.acting_noise()
        q_values = self.fast.outputs(self._last_obs, noise)
        if q_values is not None:
            best: np.ndarray = q_values.argmax(axis=1)
            return best
        obs, _ = self.policy.obs_to_tensor(self._last_obs)
        with th.no_grad():
            return self._torch_q_values(obs, noise).argmax(dim=1).cpu().numpy()

    def acting_noise(self) -> NumpyNoise | None:
        """Noise of the Q-network for one step of the envs, each env's own."""
        return None

    def _torch_q_values(self, obs: PyTorchObs, noise: NumpyNoise | None) -> th.Tensor:
        q_values: th.Tensor = self.q_net(obs)
        return q_values

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """Greedy actions of the env, or with ``deterministic=False`` those of the exploring agent (see SB3's ``predict``)."""
        actions, state = self.policy.predict(observation, state, episode_start, deterministic)
        if not deterministic:
            batch = actions.reshape(-1, *(self.action_space.shape or ()))
            epsilon_greedy(batch, self.exploration_rate, lambda n: self.bins.actions[self._random_index(n)])
            actions = batch.reshape(actions.shape)
        return actions, state

    def _on_step(self) -> None:
        self._n_calls += 1
        if self._n_calls % max(self.target_update_interval // self.n_envs, 1) == 0:
            self.fast.update_target(self.q_net, self.q_net_target, self.tau)
            if self.batch_norm_stats:
                polyak_update(self.batch_norm_stats, self.batch_norm_stats_target, 1.0)
        self._update_exploration()

    def _update_exploration(self) -> None:
        self.exploration_rate = self.exploration_schedule(self._current_progress_remaining)
        self.logger.record("rollout/exploration_rate", self.exploration_rate)

    @property
    def settings(self) -> DQNSettings:
        return DQNSettings(self.gamma, self.max_grad_norm, self.double_q)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        self._update_learning_rate(self.policy.optimizer)
        settings = self.settings

        def step(batch: ReplayBufferSamples, noise: th.Tensor, minimise: Minimise) -> tuple[th.Tensor, ...]:
            loss, mean_q = self.loss(batch, noise, settings)
            gradient_norm = minimise(loss, self.policy.optimizer, settings.max_grad_norm)
            return loss, gradient_norm, mean_q

        # Samples a batch for each step, and logs the means of what it returns
        self.fast.run(step, settings, gradient_steps, batch_size)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def loss(self, batch: ReplayBufferSamples, noise: th.Tensor, settings: DQNSettings) -> tuple[th.Tensor, th.Tensor]:
        """Loss and mean Q-value of B transitions: see ``td_loss``."""
        return td_loss(batch, settings.gamma, *self.q_functions(noise, settings))

    def q_functions(self, noise: th.Tensor, settings: DQNSettings) -> tuple[QFunction, QFunction, QFunction | None]:
        """What one gradient step evaluates: ``online``, ``target`` and ``selector`` of ``td_loss``."""
        return self.q_net, self.q_net_target, self.q_net if settings.double_q else None

    def optimizers(self) -> list[Optimizer]:
        return [self.policy.optimizer]

    def numpy_network(self) -> Layer | None:
        return self.q_net.as_numpy()

    def followed_target(self) -> tuple[nn.Module, nn.Module] | None:
        return (self.q_net, self.q_net_target) if self.target_update_interval < 2 * self.n_envs else None


def td_loss(
    batch: ReplayBufferSamples, gamma: float, online: QFunction, target: QFunction, selector: QFunction | None = None
) -> tuple[th.Tensor, th.Tensor]:
    """Huber loss of the temporal-difference error, and the mean Q-value of the actions taken.

    :param batch: B transitions; actions are bins, int64 [B, 1]; discounts [B, 1] from an n-step buffer, else None
    :param gamma: discount where the batch has none
    :param online: Q-values to learn: observations [B, ...] -> [B, n_actions]
    :param target: Q-values to bootstrap from
    :param selector: Q-values that choose the action to bootstrap from (double Q-learning); ``target``'s own if None
    :return: loss with gradient, mean Q-value without, both scalars
    """
    with th.no_grad():
        next_q = target(batch.next_observations)  # [B, n_actions]
        best = (next_q if selector is None else selector(batch.next_observations)).argmax(dim=1, keepdim=True)
        discounts = gamma if batch.discounts is None else batch.discounts
        targets = batch.rewards + (1 - batch.dones) * discounts * next_q.gather(1, best)  # [B, 1]
    q = online(batch.observations).gather(1, batch.actions)  # [B, 1]
    return F.smooth_l1_loss(q, targets), q.detach().mean()
