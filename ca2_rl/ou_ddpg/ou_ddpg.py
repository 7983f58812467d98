from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch as th
from stable_baselines3 import DDPG
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.preprocessing import get_action_dim
from stable_baselines3.common.type_aliases import GymEnv, Schedule
from stable_baselines3.common.utils import polyak_update
from stable_baselines3.td3.policies import TD3Policy
from torch.nn import functional as F
from torch.optim import Optimizer

from ca2_core.errors import UserError, did_you_mean
from ca2_rl.common.constructors import check_arguments, handed_on
from ca2_rl.common.diagnostics import GRADIENT_NORM, MEAN_Q
from ca2_rl.common.ou_noise import OUNoise
from ca2_rl.common.replay_buffer import Transitions
from ca2_rl.fast import Accelerated
from ca2_rl.fast.numpy_network import Layer, chained, numpy_features, numpy_layers
from ca2_rl.fast.updates import Minimise, polyak
from ca2_rl.ou_ddpg.policies import CnnPolicy, MlpPolicy, MultiInputPolicy

CRITIC_LOSSES: dict[str, Callable[[th.Tensor, th.Tensor], th.Tensor]] = {"mse": F.mse_loss, "huber": F.huber_loss}
# Each maps [B, n_critics] to [B, 1]
AGGREGATIONS: dict[str, Callable[[th.Tensor], th.Tensor]] = {
    "min": lambda q: q.amin(dim=1, keepdim=True),
    "mean": lambda q: q.mean(dim=1, keepdim=True),
}


@dataclass(frozen=True)
class DDPGSettings:
    """The settings on which a gradient step depends, next to networks, batch and noise. See ``OUDDPG``."""

    gamma: float
    tau: float
    critic_loss: str
    critic_aggregation: str
    target_policy_noise: float
    target_noise_clip: float


class OUDDPG(Accelerated, DDPG):
    """DDPG (Lillicrap et al. 2016) that explores by Ornstein-Uhlenbeck noise, all of whose parameters can be set.

    Each env has its own noise process, which restarts at ``ou_mu`` when the env's episode ends. The noise is added to
    the scaled action in [-1, 1]. https://arxiv.org/abs/1509.02971

    The parameters up to ``device`` are those of SB3's ``DDPG``, in the same order.

    :param policy: "MlpPolicy", "CnnPolicy", "MultiInputPolicy" or a class
    :param env: the environment or its id; its action space has to be a Box
    :param action_noise: must be left out
    :param ou_sigma: scale of the noise, >= 0
    :param ou_theta: rate at which the noise returns to its mean, >= 0
    :param ou_dt: time between two steps, > 0; the correlation of the noise decays within about 1 / (ou_theta * ou_dt) steps
    :param ou_mu: mean of the noise
    :param critic_loss: "mse", or "huber" with delta 1, the loss of SB3's DQN
    :param critic_aggregation: how several critics are combined: "min" uses the lowest value for the targets and the first critic for
        the actor, as SB3's TD3 does; "mean" uses their mean for both
    :param target_policy_noise: standard deviation of the Gaussian noise on the target actor's actions, >= 0, in units of the
        scaled action; 0 for DDPG, above 0 for the smoothing of TD3 (Fujimoto et al. 2018, section 5.3)
    :param target_noise_clip: bound on the absolute value of that noise, >= 0
    :param compile: whether gradient steps are compiled; None compiles them if that is possible and saves time (see docs/rl/speed.md)
    :raises UserError: if a value is out of its range or ``action_noise`` is given
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": MlpPolicy,
        "CnnPolicy": CnnPolicy,
        "MultiInputPolicy": MultiInputPolicy,
    }
    METRICS = ("train/critic_loss", GRADIENT_NORM, MEAN_Q, "train/actor_loss")

    def __init__(
        self,
        policy: str | type[TD3Policy],
        env: GymEnv | str,
        learning_rate: float | Schedule = 1e-3,
        buffer_size: int = 1_000_000,
        learning_starts: int = 100,
        batch_size: int = 256,
        tau: float = 0.005,
        gamma: float = 0.99,
        train_freq: int | tuple[int, str] = 1,
        gradient_steps: int = 1,
        action_noise: None = None,
        replay_buffer_class: type[ReplayBuffer] | None = None,
        replay_buffer_kwargs: dict[str, Any] | None = None,
        optimize_memory_usage: bool = False,
        n_steps: int = 1,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: th.device | str = "auto",
        _init_setup_model: bool = True,
        *,
        ou_sigma: float = 0.2,
        ou_theta: float = 0.15,
        ou_dt: float = 1.0,
        ou_mu: float = 0.0,
        critic_loss: str = "mse",
        critic_aggregation: str = "min",
        target_policy_noise: float = 0.0,
        target_noise_clip: float = 0.5,
        compile: bool | None = None,
    ):
        if action_noise is not None:
            raise UserError("action_noise: OUDDPG makes its own noise from ou_sigma, ou_theta, ou_dt and ou_mu. Leave it out.")
        policy_kwargs = dict(policy_kwargs or {})  # a copy, because SB3's DDPG adds an entry to the dict
        check_arguments(locals())
        handed = handed_on(locals(), DDPG)
        self.check_buffer(replay_buffer_class, replay_buffer_kwargs, n_steps)
        super().__init__(**handed)
        self.ou_sigma = ou_sigma
        self.ou_theta = ou_theta
        self.ou_dt = ou_dt
        self.ou_mu = ou_mu
        self.critic_loss = critic_loss
        self.critic_aggregation = critic_aggregation
        self.target_policy_noise = target_policy_noise
        self.target_noise_clip = target_noise_clip
        self.compile = compile
        if _init_setup_model:
            self._setup_model()

    def _setup_model(self) -> None:
        for name, known in (("critic_loss", CRITIC_LOSSES), ("critic_aggregation", AGGREGATIONS)):
            if (choice := getattr(self, name)) not in known:
                raise UserError(f"{name}={choice!r}:{did_you_mean(choice, known)} There are {' and '.join(known)}.")
        # SB3 copies it for each env, and resets each copy when that env's episode ends
        self.action_noise = OUNoise(self.action_space.shape or (), self.ou_sigma, self.ou_theta, self.ou_dt, self.ou_mu)
        super()._setup_model()

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        is_random = self.num_timesteps < learning_starts
        greedy = None if is_random or action_noise is None else self.fast.outputs(self._last_obs)
        if greedy is None or action_noise is None:
            return super()._sample_action(learning_starts, action_noise, n_envs)
        noisy = greedy.reshape(n_envs, *(self.action_space.shape or ())) + action_noise()
        scaled = np.minimum(np.maximum(noisy, -1), 1)
        return self.policy.unscale_action(scaled), scaled

    @property
    def settings(self) -> DDPGSettings:
        targets = self.target_policy_noise, self.target_noise_clip
        return DDPGSettings(self.gamma, self.tau, self.critic_loss, self.critic_aggregation, *targets)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        self._update_learning_rate([self.actor.optimizer, self.critic.optimizer])
        settings = self.settings

        def step(batch: Transitions, noise: th.Tensor, minimise: Minimise) -> tuple[th.Tensor, ...]:
            critic_loss, mean_q = self.loss(batch, noise, settings)
            gradient_norm = minimise(critic_loss, self.critic.optimizer)
            actor_loss = self.actor_loss(batch, settings)
            minimise(actor_loss, self.actor.optimizer)
            polyak(self.critic.parameters(), self.critic_target.parameters(), settings.tau)
            polyak(self.actor.parameters(), self.actor_target.parameters(), settings.tau)
            # Running statistics are copied, see issue #996 of SB3
            polyak_update(self.critic_batch_norm_stats, self.critic_batch_norm_stats_target, 1.0)
            polyak_update(self.actor_batch_norm_stats, self.actor_batch_norm_stats_target, 1.0)
            return critic_loss, gradient_norm, mean_q, actor_loss

        # Samples a batch for each step and logs the means of the outputs
        self.fast.run(step, settings, gradient_steps, batch_size)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def loss(self, batch: Transitions, noise: th.Tensor, settings: DDPGSettings) -> tuple[th.Tensor, th.Tensor]:
        """Mean temporal-difference loss, summed over the critics, and the mean Q-value of the actions taken."""
        aggregate = AGGREGATIONS[settings.critic_aggregation]
        discounts = settings.gamma if batch.discounts is None else batch.discounts
        with th.no_grad():
            next_actions = self.actor_target(batch.next_observations)
            if settings.target_policy_noise > 0:
                next_actions = (next_actions + noise).clamp(-1, 1)
            next_q = aggregate(th.cat(self.critic_target(batch.next_observations, next_actions), dim=1))
            targets = batch.rewards + (1 - batch.dones) * discounts * next_q  # [B, 1]
        q_values = th.stack(self.critic(batch.observations, batch.actions))  # [n_critics, B, 1]
        loss = th.stack([CRITIC_LOSSES[settings.critic_loss](q, targets) for q in q_values]).sum()
        return loss, q_values.detach().mean()

    def actor_loss(self, batch: Transitions, settings: DDPGSettings) -> th.Tensor:
        """Minus the mean Q-value of the actor's actions."""
        actions = self.actor(batch.observations)
        if settings.critic_aggregation == "min":  # SB3's TD3 uses only the first critic
            return -self.critic.q1_forward(batch.observations, actions).mean()
        q_values = th.cat(self.critic(batch.observations, actions), dim=1)
        return -AGGREGATIONS[settings.critic_aggregation](q_values).mean()

    def draw_noise(self, n: int, batch_size: int, settings: DDPGSettings) -> th.Tensor:
        """Noise for the target actor's actions, [n, B, action dimensions]; empty, and not drawn, if ``target_policy_noise`` is 0."""
        if settings.target_policy_noise == 0:
            return th.empty(n, 0)
        noise = settings.target_policy_noise * th.randn(n, batch_size, get_action_dim(self.action_space), device=self.device)
        return noise.clamp(-settings.target_noise_clip, settings.target_noise_clip)

    def optimizers(self) -> list[Optimizer]:
        return [self.actor.optimizer, self.critic.optimizer]

    def numpy_network(self) -> Layer | None:
        return chained(numpy_features(self.actor.features_extractor), numpy_layers(self.actor.mu))
