from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch as th
from stable_baselines3 import DQN
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, PyTorchObs, ReplayBufferSamples, TrainFreq, TrainFrequencyUnit
from torch.nn import functional as F
from torch.optim import Optimizer

from ca2_core.errors import UserError
from ca2_rl.common.action_bins import ActionBins
from ca2_rl.common.diagnostics import GRADIENT_NORM, LOSS, MEAN_Q
from ca2_rl.common.held_choices import HeldChoices
from ca2_rl.common.numpy_network import Layer, NumpyNoise
from ca2_rl.common.quick_rollouts import WithQuickRollouts
from ca2_rl.common.updates import TargetUpdate, Update, minimise
from ca2_rl.common.with_compiled_step import WithCompiledStep
from ca2_rl.discretized_dqn.policies import CnnPolicy, DiscretizedDQNPolicy, DiscretizedQNetwork, MlpPolicy, MultiInputPolicy

EVERY_STEP = TrainFreq(1, TrainFrequencyUnit.STEP)
QFunction = Callable[[th.Tensor], th.Tensor]


class _AnyActionSpace(OffPolicyAlgorithm):
    """Next in line after DQN, so that its ``super().__init__`` arrives here: lets Box through, ``ActionBins`` checks it."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{**kwargs, "supported_action_spaces": None})


class DiscretizedDQN(WithCompiledStep, WithQuickRollouts, DQN, _AnyActionSpace):
    """DQN (Mnih et al. 2015) that also acts in a Box, on a grid of ``n_bins`` values per dimension, without a wrapper.

    The env keeps its own action space: ``predict`` returns torques, the replay buffer keeps the index of the bin.
    On a Discrete space it is SB3's DQN. https://www.nature.com/articles/nature14236

    :param policy: "MlpPolicy", "CnnPolicy", "MultiInputPolicy" or a class
    :param env: the environment or its id
    :param n_bins: values per dimension of a Box, >= 2, end points included; an odd number has the middle of the range
    :param double_q: the online network chooses the next action, the target network values it (van Hasselt et al. 2016)
    :param dueling: separate streams for value and advantage (Wang et al. 2016)
    :param exploration_hold: most steps that a random action of the training is held for, >= 1; 1 is SB3's epsilon-greedy
        (Dabney et al. 2021, https://arxiv.org/abs/2006.01782, with other durations: see docs/rl/discretized_dqn.md)
    :param compile: whether gradient steps are compiled; None: if they can be and it pays (see docs/rl/speed.md)
    :param kwargs: as in SB3's ``DQN``
    :raises UserError: if the action space is no Box or Discrete, ``n_bins`` < 2, the grid has over 4,096 actions, or
        ``exploration_hold`` < 1
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": MlpPolicy,
        "CnnPolicy": CnnPolicy,
        "MultiInputPolicy": MultiInputPolicy,
    }
    METRICS = (LOSS, GRADIENT_NORM, MEAN_Q)
    policy: DiscretizedDQNPolicy
    q_net: DiscretizedQNetwork
    q_net_target: DiscretizedQNetwork

    def __init__(
        self,
        policy: str | type[DiscretizedDQNPolicy],
        env: GymEnv | str,
        *,
        n_bins: int = 11,
        double_q: bool = False,
        dueling: bool = False,
        exploration_hold: int = 1,
        compile: bool | None = None,
        _init_setup_model: bool = True,
        **kwargs: Any,
    ):
        super().__init__(policy, env, _init_setup_model=False, **kwargs)
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
        self._indices = np.arange(len(self.bins.actions))
        self.policy_kwargs = {**self.policy_kwargs, "n_bins": self.n_bins, "dueling": self.dueling}
        super()._setup_model()
        # SB3 sized the buffer for an action of the env; it keeps one index
        self.replay_buffer.action_space = self.bins.index_space
        self.replay_buffer.action_dim = 1
        self.replay_buffer.actions = np.zeros((*self.replay_buffer.rewards.shape, 1), dtype=np.int64)

    def _create_aliases(self) -> None:
        super()._create_aliases()
        self._update_target = TargetUpdate(self.q_net, self.q_net_target)
        # tau while a target update is due, which the compiled step makes first; it reads the array as a tensor
        self._tau_due = np.zeros((), dtype=np.float32)
        self._tau_tensor = th.from_numpy(self._tau_due)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_update_target", "_tau_due", "_tau_tensor", "_indices", "_held"]

    def _restart_draws(self) -> None:
        super()._restart_draws()
        self._held = HeldChoices(self.n_envs, self.exploration_hold)

    def set_random_seed(self, seed: int | None = None) -> None:
        super().set_random_seed(seed)
        if seed is not None:
            self.bins.index_space.seed(seed)

    def _random_index(self, n: int) -> np.ndarray:
        return np.array([self.bins.index_space.sample() for _ in range(n)], dtype=np.int64)

    def _explore(self, greedy: np.ndarray, choices: np.ndarray) -> np.ndarray:
        """Replaces entries of ``greedy`` [N, ...] by random ``choices`` [n_actions, ...]: a coin for each (epsilon-greedy)."""
        if self.exploration_rate == 0:
            return greedy
        explores = [i for i, coin in enumerate(np.random.random_sample(len(greedy)).tolist()) if coin < self.exploration_rate]
        if explores:
            greedy[explores] = choices[self._random_index(len(explores))]
        return greedy

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Actions for the envs [n_envs, ...], and their bins [n_envs] for the buffer."""
        is_random = self.num_timesteps < learning_starts
        if self.exploration_hold > 1:
            greedy = np.zeros(n_envs, dtype=np.int64) if is_random else self._greedy_index()
            index = self._held.over(greedy, 1.0 if is_random else self.exploration_rate, self._random_index)
        elif is_random:
            index = self._random_index(n_envs)
        else:
            index = self._explore(self._greedy_index(), self._indices)
        return self.bins.actions[index], index

    def _greedy_index(self) -> np.ndarray:
        """Bins of the highest Q-values for the last observations, under noise if there is any: int64 [n_envs]."""
        if self._acting is not None:
            q_values = self._acting(self._vectors(), self._acting_noise())
            best: np.ndarray = q_values.argmax(axis=1)
            return best
        assert self._last_obs is not None
        obs, _ = self.policy.obs_to_tensor(self._last_obs)
        with th.no_grad():
            return self._exploring_index(obs).cpu().numpy()

    def _exploring_index(self, obs: PyTorchObs) -> th.Tensor:
        """The same by torch, where NumPy can't."""
        return self.policy.predict_index(obs, deterministic=False)

    def _numpy_network(self) -> Layer | None:
        return self.q_net.as_numpy()

    def _acting_noise(self) -> NumpyNoise | None:
        """Noise of one step for ``_acting``, each env's own."""
        return None

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
            actions = self._explore(batch, self.bins.actions).reshape(actions.shape)
        return actions, state

    def _on_step(self) -> None:
        self._n_calls += 1
        if self._n_calls % max(self.target_update_interval // self.n_envs, 1) == 0:
            if self._compiled is not None and self._leaves_target and self.num_timesteps > self.learning_starts:
                self._tau_due.fill(self.tau)
            else:
                self._update_target(self.tau)
        self._update_exploration()

    @property
    def _leaves_target(self) -> bool:
        """Whether the target follows at every step, and a gradient step comes right after: both are one program then."""
        train_freq: Any = self.train_freq  # a TrainFreq by now
        return self.target_update_interval < 2 * self.n_envs and train_freq == EVERY_STEP and self.gradient_steps != 0

    def _before_step(self) -> None:
        if self._leaves_target:
            self._update_target(self._tau_tensor)
            self._tau_tensor.zero_()

    def _changing(self) -> list[th.Tensor]:
        return [*super()._changing(), self._tau_tensor]

    def _update_exploration(self) -> None:
        self.exploration_rate = self.exploration_schedule(self._current_progress_remaining)

    def dump_logs(self) -> None:
        self._log_exploration()
        super().dump_logs()

    def _log_exploration(self) -> None:
        self.logger.record("rollout/exploration_rate", self.exploration_rate)

    def _optimizers(self) -> list[Optimizer]:
        return [self.policy.optimizer]

    def _constants(self) -> tuple[Any, ...]:
        return self.gamma, self.max_grad_norm, self.double_q, self._leaves_target

    def _q_functions(self, noise: th.Tensor) -> tuple[QFunction, QFunction, QFunction | None]:
        """What one gradient step evaluates: ``online``, ``target`` and ``selector`` of ``td_loss``."""
        return self.q_net, self.q_net_target, self.q_net if self.double_q else None

    def _gradient_step(self, update: Update, batch: ReplayBufferSamples, noise: th.Tensor) -> th.Tensor:
        loss, mean_q = td_loss(batch, self.gamma, *self._q_functions(noise))
        gradient_norm = minimise(loss, self.policy.optimizer, update, self.max_grad_norm)
        return th.stack([loss.detach(), gradient_norm, mean_q])


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
