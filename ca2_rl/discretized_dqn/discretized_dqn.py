import warnings
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
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback, PyTorchObs, Schedule
from stable_baselines3.common.utils import polyak_update
from torch import nn
from torch.optim import Optimizer

from ca2_core.errors import UserError
from ca2_rl.common.action_bins import ActionBins, Bins, BranchBins
from ca2_rl.common.action_masks import ActionMasks, checked
from ca2_rl.common.constructors import check_arguments, check_policy_kwargs, handed_on
from ca2_rl.common.diagnostics import GRADIENT_NORM, MEAN_Q
from ca2_rl.common.ez_greedy import EZGreedy, epsilon_greedy
from ca2_rl.common.masked_evaluations import MaskedEvaluations
from ca2_rl.common.prioritized_replay import Prioritized
from ca2_rl.common.replay_buffer import ReadableBuffer, Transitions
from ca2_rl.common.returns import MEAN, Munchausen, Returns
from ca2_rl.discretized_dqn.policies import CnnPolicy, DiscretizedDQNPolicy, DiscretizedQNetwork, MlpPolicy, MultiInputPolicy
from ca2_rl.fast import Accelerated
from ca2_rl.fast.numpy_network import Layer, NumpyNoise
from ca2_rl.fast.updates import Minimise

# Arguments that the policy needs as well
OF_POLICY = ("n_bins", "dueling", "branching", "distribution", "n_atoms", "v_min", "v_max", "n_quantiles")

QFunction = Callable[[th.Tensor], th.Tensor]


@dataclass(frozen=True)
class DQNSettings:
    """The settings on which a gradient step depends, next to networks, batch and noise. See ``DiscretizedDQN``."""

    gamma: float
    max_grad_norm: float
    double_q: bool
    returns: Returns = MEAN
    munchausen: Munchausen | None = None
    branching: bool = False


class _ActsInBoxes(OffPolicyAlgorithm):
    """Follows DQN in the method resolution order and accepts more action spaces; ``_setup_model`` then checks the action space."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{**kwargs, "supported_action_spaces": (spaces.Discrete, spaces.Box, spaces.MultiDiscrete)})


class DiscretizedDQN(Accelerated, DQN, _ActsInBoxes):
    """DQN (Mnih et al. 2015) that also acts in a Box, on a grid of ``n_bins`` values per dimension, without a wrapper.

    The env keeps its own action space: ``predict`` returns actions of the Box, the replay buffer stores the index of the bin.
    On a Discrete space, this is SB3's DQN. https://www.nature.com/articles/nature14236

    The parameters up to ``device`` are those of SB3's ``DQN``, in the same order.

    :param policy: "MlpPolicy", "CnnPolicy", "MultiInputPolicy" or a class
    :param env: the environment or its id
    :param n_bins: values per dimension of a Box, >= 2, end points included; an odd number includes the middle of the range
    :param double_q: the online network chooses the next action, the target network evaluates it (van Hasselt et al. 2016)
    :param dueling: separate streams for value and advantage (Wang et al. 2016)
    :param branching: a separate head for each dimension of a Box or MultiDiscrete space (Tavakoli et al. 2018): with 11 bins,
        6 dimensions need 66 outputs instead of 1.8 million
    :param action_masks: never takes, explores or bootstraps from an action that the env does not allow in that state, according to
        ``info["action_mask"]`` (as in Gymnasium's Taxi) or a method ``action_masks()`` (as in sb3-contrib); for Discrete actions
    :param exploration_hold: longest duration of a random action during training in steps, within its episode, >= 1; 1 is
        epsilon-greedy (Dabney et al. 2021, https://arxiv.org/abs/2006.01782, with other durations: see docs/rl/discretized_dqn.md)
    :param prioritized_replay: draws transitions with probabilities proportional to their priorities (Schaul et al. 2016)
    :param priority_alpha: a transition's priority is its error to this power, in [0, 1]; 0 draws uniformly
    :param priority_beta: initial exponent of the importance weights, in [0, 1]; it rises linearly to 1
    :param distribution: how the distribution of returns is learned: "categorical" (Bellemare et al. 2017, C51) or "quantile" (Dabney et
        al. 2018, QR-DQN); None learns only the mean
    :param n_atoms: number of atoms of "categorical"
    :param v_min: smallest discounted return of "categorical", required there; smaller returns are clipped to it
    :param v_max: largest discounted return of "categorical", required there
    :param n_quantiles: number of quantiles of "quantile"
    :param munchausen: adds the log-probability of the action taken to the reward, and uses soft targets (Vieillard et al. 2020)
    :param munchausen_alpha: weight of the log-probability
    :param munchausen_tau: temperature of the soft policy, in units of the return
    :param munchausen_clip: lower bound of the temperature times the log-probability
    :param compile: whether gradient steps are compiled; None compiles them if that is possible and saves time (see docs/rl/speed.md)
    :raises AssertionError: if the algorithm can't act in the action space, as in SB3
    :raises UserError: if an argument has a wrong type or is out of its range, the grid has over 4,096 actions, the range of
        "categorical" is missing, or arguments can't be combined
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
        handed = handed_on(locals(), DQN)
        decided = {name: value for name, value in locals().items() if name in OF_POLICY}
        check_policy_kwargs(policy_kwargs, decided, type(self).__name__)
        self.check_buffer(replay_buffer_class, replay_buffer_kwargs, n_steps, prioritized_replay)
        super().__init__(**handed)
        self.n_bins = n_bins
        self.double_q = double_q
        self.dueling = dueling
        self.branching = branching
        self.action_masks = action_masks
        self.exploration_hold = exploration_hold
        self.prioritized_replay = prioritized_replay
        self.priority_alpha = priority_alpha
        self.priority_beta = priority_beta
        self.distribution = distribution
        self.n_atoms = n_atoms
        self.v_min = v_min
        self.v_max = v_max
        self.n_quantiles = n_quantiles
        self.munchausen = munchausen
        self.munchausen_alpha = munchausen_alpha
        self.munchausen_tau = munchausen_tau
        self.munchausen_clip = munchausen_clip
        self.compile = compile
        if _init_setup_model:
            self._setup_model()

    def _setup_model(self) -> None:
        self._check_policy()
        if self.munchausen and (self.double_q or self.distribution == "categorical"):
            other, without = ("double_q=True", "double_q=False") if self.double_q else ('distribution="categorical"', '"quantile" or None')
            raise UserError(f"munchausen=True can't be combined with {other}: its targets are means over all actions. Set {without}.")
        self._check_action_space()
        if self.action_masks and (self.munchausen or self.optimize_memory_usage or not isinstance(self.action_space, spaces.Discrete)):
            raise UserError("action_masks=True needs Discrete actions, and neither munchausen=True nor optimize_memory_usage=True.")
        if self.munchausen and self.branching:
            raise UserError(
                "munchausen=True can't be combined with branching=True, whose policy has no single action. Leave one of them out."
            )
        self.bins: Bins = (BranchBins if self.branching else ActionBins)(self.action_space, self.n_bins)
        self._ez_greedy = EZGreedy(self.n_envs, self.exploration_hold, self.bins.shape)
        self.policy_kwargs = {**self.policy_kwargs, **{name: getattr(self, name) for name in OF_POLICY}}
        with warnings.catch_warnings():
            if self.target_update_interval == 1:  # SB3 warns that several envs together get one update per step
                warnings.filterwarnings("ignore", "The number of environments used is greater than the target network update interval")
            super()._setup_model()
        # SB3 sized the buffer for actions of the env, but it stores indices
        buffer = self.replay_buffer
        assert buffer is not None
        buffer.action_space = self.bins.index_space
        buffer.action_dim = self.bins.n_branches or 1
        buffer.actions = np.zeros((*buffer.rewards.shape, buffer.action_dim), dtype=np.int64)
        self._masks: ActionMasks | None = None
        if self.action_masks:
            if not isinstance(buffer, ReadableBuffer):
                raise UserError(f"action_masks=True does not work with the replay buffer {type(buffer).__name__}. Leave it out.")
            buffer.keep_masks(self.bins.width)
            self._masks = ActionMasks(self.n_envs, self.bins.width)

    def _check_policy(self) -> None:
        """Checks that the policy was made for this algorithm. It was not if another class saved the agent.

        :raises UserError: if the policy belongs to another algorithm
        """
        made_for, needed = (getattr(policy, "made_for", None) for policy in (self.policy_class, self.policy_aliases["MlpPolicy"]))
        if made_for != needed:
            whose = made_for or f"{self.policy_class.__module__}.{self.policy_class.__name__}"
            raise UserError(f"{type(self).__name__} can't use a policy of {whose}. Load an agent with the class that saved it.")

    def _check_action_space(self) -> None:
        """Checks the action space as SB3 does, but with advice in the message.

        :raises AssertionError: if the agent can't act in the action space
        """
        supported = (spaces.Box, spaces.MultiDiscrete) if self.branching else (spaces.Discrete, spaces.Box)
        names = " and ".join(space.__name__ for space in supported)
        hint = ""
        if self.branching and isinstance(self.action_space, spaces.Discrete):
            hint = " Leave out branching=True."
        elif isinstance(self.action_space, spaces.MultiDiscrete):
            hint = " Set branching=True."
        with_branching = " with branching=True" if self.branching else ""
        assert isinstance(self.action_space, supported), (
            f"The algorithm only supports {names} as action spaces{with_branching} but {self.action_space} was provided.{hint}"
        )

    def priority_options(self) -> dict[str, Any]:
        return {"alpha": self.priority_alpha, "beta": self.priority_beta} if self.prioritized_replay else {}

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "bins", "_ez_greedy", "_masks"]

    def state_parts(self) -> dict[str, Any]:
        masks = {} if self._masks is None else {"action_masks": self._masks}
        return {**super().state_parts(), "bins": self.bins, "random_actions": self._ez_greedy, **masks}

    def set_random_seed(self, seed: int | None = None) -> None:
        super().set_random_seed(seed)
        if seed is not None:
            self.bins.index_space.seed(seed)

    def _setup_learn(self, *args: Any, **kwargs: Any) -> tuple[int, BaseCallback]:
        last_obs = self._last_obs
        prepared = super()._setup_learn(*args, **kwargs)
        if self._last_obs is not last_obs:
            self.envs_reset()
        return prepared

    def _init_callback(self, callback: MaybeCallback, progress_bar: bool = False) -> BaseCallback:
        if self.action_masks and isinstance(callback, (BaseCallback, list)):
            # First in the list, so that evaluations have masks before another callback runs one
            callback = [MaskedEvaluations(self.bins.width), *(callback if isinstance(callback, list) else [callback])]
        return super()._init_callback(callback, progress_bar)

    def envs_reset(self) -> None:
        """Called when all envs have been reset."""
        self._end_episodes(np.ones(self.n_envs, dtype=bool))
        if self._masks is not None and self.env is not None:
            self._masks.begin(self.env)

    def stored(self, infos: list[dict[str, Any]], dones: np.ndarray) -> None:
        buffer = self.replay_buffer
        if self._masks is not None and self.env is not None and isinstance(buffer, ReadableBuffer) and buffer.next_masks is not None:
            buffer.next_masks[buffer.pos - 1] = self._masks.step(self.env, infos, dones)

    def _update_info_buffer(self, infos: list[dict[str, Any]], dones: np.ndarray | None = None) -> None:
        super()._update_info_buffer(infos, dones)
        if dones is not None:
            self._end_episodes(dones)

    def _end_episodes(self, ended: np.ndarray) -> None:
        """Ends random actions and the like in the envs whose episode has ended: bool [n_envs]."""
        self._ez_greedy.end_episodes(ended)

    def _random_index(self, n: int) -> np.ndarray:
        return np.array([self.bins.index_space.sample() for _ in range(n)], dtype=np.int64)

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Actions for the envs, [n_envs, ...], and their bins for the buffer, [n_envs] or with branches [n_envs, n_branches]."""
        if self.num_timesteps >= learning_starts:
            index = self._ez_greedy.act(self._greedy_index(), self.exploration_rate, self._random_index)
        elif self.exploration_hold > 1:
            index = self._ez_greedy.act(np.zeros((n_envs, *self.bins.shape), dtype=np.int64), 1.0, self._random_index)
        else:
            index = self._random_index(n_envs)
        if self._masks is not None:
            index = self._masks.allow(index)
        return self.bins.of(index), index

    def _greedy_index(self) -> np.ndarray:
        """Bins with the highest Q-values for the last observations, under noise if there is any: int64 [n_envs] or [n_envs, n_branches]."""
        assert self._last_obs is not None
        noise = self.acting_noise()
        q_values = self.fast.outputs(self._last_obs, noise)
        if q_values is None:
            obs, _ = self.policy.obs_to_tensor(self._last_obs)
            with th.no_grad():
                q_values = self._torch_q_values(obs, noise).cpu().numpy()
        if self._masks is not None:
            q_values = np.where(self._masks.current, q_values, -np.inf)
        best: np.ndarray = q_values.argmax(axis=-1)
        return best

    def acting_noise(self) -> NumpyNoise | None:
        """Noise of the Q-network for one step, separate for each env; None without noise."""
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
        action_masks: np.ndarray | None = None,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """Greedy actions of the env, or with ``deterministic=False`` exploring actions (see SB3's ``predict``).

        :param action_masks: the allowed actions, [n_actions] or [N, n_actions], as for sb3-contrib's ``MaskablePPO``
        """
        if action_masks is not None:
            return self._predict_masked(observation, action_masks, deterministic), state
        actions, state = self.policy.predict(observation, state, episode_start, deterministic)
        if not deterministic:
            batch = actions.reshape(-1, *(self.action_space.shape or ()))
            epsilon_greedy(batch, self.exploration_rate, lambda n: self.bins.of(self._random_index(n)))
            actions = batch.reshape(actions.shape)
        return actions, state

    def _predict_masked(self, observation: np.ndarray | dict[str, np.ndarray], masks: Any, deterministic: bool) -> np.ndarray:
        """Allowed actions: see ``predict``.

        :raises UserError: with ``branching``, or for invalid masks
        """
        if self.branching:
            raise UserError("action_masks: an agent with branching=True has no masks: it chooses in each dimension separately.")
        obs, is_batch = self.policy.obs_to_tensor(observation)
        with th.no_grad():
            q_values = self.policy.q_values(obs, deterministic).cpu().numpy()
        allowed = ActionMasks(*q_values.shape)
        allowed.current = checked(masks, q_values.shape, "action_masks")
        index = np.where(allowed.current, q_values, -np.inf).argmax(axis=1)
        if not deterministic:
            epsilon_greedy(index, self.exploration_rate, self._random_index)
        actions = self.bins.of(allowed.allow(index))
        return actions if is_batch else actions[0]

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
        munchausen = Munchausen(self.munchausen_alpha, self.munchausen_tau, self.munchausen_clip) if self.munchausen else None
        return DQNSettings(self.gamma, self.max_grad_norm, self.double_q, self.q_net.returns, munchausen, self.branching)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        self._update_learning_rate(self.policy.optimizer)
        settings = self.settings
        if isinstance(self.replay_buffer, Prioritized):
            # max: the last rollout may exceed the number of training steps
            self.replay_buffer.beta = 1 - max(self._current_progress_remaining, 0) * (1 - self.priority_beta)

        def step(batch: Transitions, noise: th.Tensor, minimise: Minimise) -> tuple[th.Tensor, ...]:
            loss, mean_q, *errors = self.loss(batch, noise, settings)
            gradient_norm = minimise(loss, self.policy.optimizer, settings.max_grad_norm)
            return loss, gradient_norm, mean_q, *errors

        # Samples a batch for each step, logs the means of the outputs, and sets priorities from the errors
        self.fast.run(step, settings, gradient_steps, batch_size)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def loss(self, batch: Transitions, noise: th.Tensor, settings: DQNSettings) -> tuple[th.Tensor, ...]:
        """Loss and mean Q-value of B transitions, and the errors if the batch has weights: see ``td_loss``."""
        functions = self.q_functions(noise, settings)
        return td_loss(batch, settings.gamma, *functions, settings.returns, settings.munchausen, settings.branching)

    def q_functions(self, noise: th.Tensor, settings: DQNSettings) -> tuple[QFunction, QFunction, QFunction | None]:
        """The arguments ``online``, ``target`` and ``selector`` of ``td_loss`` for one gradient step."""
        return self.q_net.outputs, self.q_net_target.outputs, self.q_net.outputs if settings.double_q else None

    def optimizers(self) -> list[Optimizer]:
        return [self.policy.optimizer]

    def numpy_network(self) -> Layer | None:
        return self.q_net.as_numpy()

    def followed_target(self) -> tuple[nn.Module, nn.Module] | None:
        return (self.q_net, self.q_net_target) if self.target_update_interval < 2 * self.n_envs else None


def td_loss(
    batch: Transitions,
    gamma: float,
    online: QFunction,
    target: QFunction,
    selector: QFunction | None = None,
    returns: Returns = MEAN,
    munchausen: Munchausen | None = None,
    branching: bool = False,
) -> tuple[th.Tensor, ...]:
    """Temporal-difference loss, and the mean Q-value of the actions taken.

    :param batch: B transitions; actions are bins, int64 [B, 1], with branches [B, n_branches]; discounts [B, 1] from an n-step buffer,
        otherwise None
    :param gamma: discount factor if the batch has no discounts
    :param online: outputs to learn: observations [B, ...] -> [B, n_actions], for a distribution [B, n, n_actions]
    :param target: outputs to bootstrap from
    :param selector: outputs that choose the action to bootstrap from (double Q-learning); None for those of ``target``
    :param returns: what the outputs mean
    :param branching: whether the outputs are [B, n_branches, ...]; all branches then learn the same target, which contains the mean of the
        values of their best actions (Tavakoli et al. 2018, eq. 5)
    :param munchausen: uses the target network's soft policy for rewards and targets; None uses its best action
    :return: loss (with gradient) and mean Q-value (without), both scalars; for a batch with weights also the errors [B] (without)
    """
    with th.no_grad():
        rewards, discounts = batch.rewards, gamma if batch.discounts is None else batch.discounts
        next_outputs = target(batch.next_observations)
        if munchausen is None:
            choice = next_outputs if selector is None else selector(batch.next_observations)
            q_values = returns.q_values(choice)
            if batch.next_masks is not None:
                q_values = q_values.masked_fill(~batch.next_masks, -th.inf)
            best = q_values.argmax(dim=-1, keepdim=True)
            values = returns.values(returns.taken(next_outputs, best))
        else:
            rewards = rewards + munchausen.bonus(returns.q_values(target(batch.observations)), batch.actions)
            values = munchausen.values(next_outputs, returns.q_values(next_outputs))
        if branching:
            values = values.mean(dim=1)
        targets = returns.targets(values, rewards, (1 - batch.dones) * discounts)  # [B, 1] or [B, n]
    outputs = online(batch.observations)
    if branching:
        taken, targets = returns.taken(outputs, batch.actions.unsqueeze(-1)), targets.unsqueeze(1)
    else:
        taken = returns.taken(outputs, batch.actions)
    losses = returns.losses(taken, targets)  # [B], with branches [B, n_branches]
    with th.no_grad():
        mean_q = returns.taken_q(taken).mean()
    if batch.weights is None:
        return losses.mean(), mean_q
    size = len(batch.weights)
    errors = returns.errors(taken, targets).detach().reshape(size, -1).mean(dim=1)
    return (batch.weights * losses.reshape(size, -1)).mean(), mean_q, errors
