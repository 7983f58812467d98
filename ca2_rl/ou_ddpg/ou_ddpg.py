import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch as th
from stable_baselines3 import DDPG
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.preprocessing import get_action_dim
from stable_baselines3.common.type_aliases import GymEnv, ReplayBufferSamples
from stable_baselines3.td3.policies import TD3Policy
from torch.nn import functional as F
from torch.optim import Optimizer

from ca2_core.errors import UserError, did_you_mean
from ca2_rl.common.diagnostics import GRADIENT_NORM, LOSS, MEAN_Q
from ca2_rl.common.numpy_network import Layer, numpy_layers
from ca2_rl.common.ou_noise import OUNoise
from ca2_rl.common.quick_rollouts import WithQuickRollouts
from ca2_rl.common.updates import TargetUpdate, Update, minimise
from ca2_rl.common.with_compiled_step import WithCompiledStep
from ca2_rl.ou_ddpg.policies import CnnPolicy, MlpPolicy, MultiInputPolicy

CRITIC_LOSSES: dict[str, Callable[[th.Tensor, th.Tensor], th.Tensor]] = {"mse": F.mse_loss, "huber": F.huber_loss}
# [B, n_critics] to [B, 1]
AGGREGATIONS: dict[str, Callable[[th.Tensor], th.Tensor]] = {
    "min": lambda q: q.amin(dim=1, keepdim=True),
    "mean": lambda q: q.mean(dim=1, keepdim=True),
}


class OUDDPG(WithCompiledStep, WithQuickRollouts, DDPG):
    """DDPG (Lillicrap et al. 2016) that explores by Ornstein-Uhlenbeck noise with all of its parameters.

    Each env has its own process, which starts again at ``ou_mu`` when that env's episode ends. The noise is added to
    the scaled action in [-1, 1]. https://arxiv.org/abs/1509.02971

    :param policy: "MlpPolicy", "CnnPolicy", "MultiInputPolicy" or a class
    :param env: the environment or its id; its actions lie in a Box
    :param ou_sigma: scale of the noise, >= 0
    :param ou_theta: rate of the return to the mean, >= 0
    :param ou_dt: time between two steps, > 0; the noise forgets within about 1 / (ou_theta * ou_dt) steps
    :param ou_mu: mean of the noise
    :param critic_loss: "mse", or "huber" with delta 1, which SB3's DQN has
    :param critic_aggregation: what ``n_critics`` above 1 make together: "min", the lowest for the targets and the first for the
        actor, as in SB3's TD3; "mean", their mean for both
    :param target_policy_noise: standard deviation of the Gaussian noise on the target actor's actions, >= 0, in units of the
        scaled action; 0 as in DDPG, above it as in TD3 (Fujimoto et al. 2018, section 5.3)
    :param target_noise_clip: limit of that noise, >= 0
    :param compile: whether gradient steps are compiled; None: if they can be and it pays (see docs/rl/speed.md)
    :param kwargs: as in SB3's ``DDPG``, but for ``action_noise``
    :raises UserError: if a value is out of its range or ``action_noise`` is given
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": MlpPolicy,
        "CnnPolicy": CnnPolicy,
        "MultiInputPolicy": MultiInputPolicy,
    }
    METRICS = (LOSS, GRADIENT_NORM, MEAN_Q, "train/actor_loss")

    def __init__(
        self,
        policy: str | type[TD3Policy],
        env: GymEnv | str,
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
        _init_setup_model: bool = True,
        **kwargs: Any,
    ):
        if kwargs.get("action_noise") is not None:
            raise UserError("action_noise: OUDDPG makes its own from ou_sigma, ou_theta, ou_dt and ou_mu. Leave it out.")
        # SB3's DDPG adds an entry to the dict that it is given
        policy_kwargs = dict(kwargs.pop("policy_kwargs", None) or {})
        super().__init__(policy, env, policy_kwargs=policy_kwargs, _init_setup_model=False, **kwargs)
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
        for name in ("target_policy_noise", "target_noise_clip"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise UserError(f"{name}={value}: it has to be a number from 0 on.")
        # SB3 copies it once for each env, and resets each copy at that env's episode ends
        self.action_noise = OUNoise(self.action_space.shape or (), self.ou_sigma, self.ou_theta, self.ou_dt, self.ou_mu)
        super()._setup_model()

    def _create_aliases(self) -> None:
        super()._create_aliases()
        self._update_targets = [TargetUpdate(self.critic, self.critic_target), TargetUpdate(self.actor, self.actor_target)]

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_update_targets"]

    def _numpy_network(self) -> Layer | None:
        return numpy_layers(self.actor.mu)

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        if self.num_timesteps < learning_starts or self._acting is None or action_noise is None:
            return super()._sample_action(learning_starts, action_noise, n_envs)
        greedy = self._acting(self._vectors(), None).reshape(n_envs, *(self.action_space.shape or ()))
        scaled = np.minimum(np.maximum(greedy + action_noise(), -1), 1)
        return self.policy.unscale_action(scaled), scaled

    def _optimizers(self) -> list[Optimizer]:
        return [self.actor.optimizer, self.critic.optimizer]

    def _constants(self) -> tuple[Any, ...]:
        return *super()._constants(), self.critic_loss, self.critic_aggregation, self.target_policy_noise, self.target_noise_clip

    def _draw_noise(self, n: int, batch_size: int) -> th.Tensor:
        """Of the target actor's actions, [n, B, action dimensions]; without it, nothing is drawn."""
        if self.target_policy_noise == 0:
            return super()._draw_noise(n, batch_size)
        noise = self.target_policy_noise * th.randn(n, batch_size, get_action_dim(self.action_space), device=self.device)
        return noise.clamp(-self.target_noise_clip, self.target_noise_clip)

    def _gradient_step(self, update: Update, batch: ReplayBufferSamples, noise: th.Tensor) -> th.Tensor:
        critic_loss, mean_q = self._critic_loss(batch, noise)
        gradient_norm = minimise(critic_loss, self.critic.optimizer, update)
        # Only the actor's gradients: SB3 leaves the critic's polluted by this pass, and pays for them
        actor_loss = -self._q_of_the_actor(batch.observations).mean()
        minimise(actor_loss, self.actor.optimizer, update)
        for update_target in self._update_targets:
            update_target(self.tau)
        return th.stack([critic_loss.detach(), gradient_norm, mean_q, actor_loss.detach()])

    def _q_of_the_actor(self, observations: th.Tensor) -> th.Tensor:
        """What the actor is to raise, [B, 1]."""
        actions = self.actor(observations)
        if self.critic_aggregation == "min":  # SB3's TD3 asks the first critic alone
            return self.critic.q1_forward(observations, actions)
        return AGGREGATIONS[self.critic_aggregation](th.cat(self.critic(observations, actions), dim=1))

    def _critic_loss(self, batch: ReplayBufferSamples, noise: th.Tensor) -> tuple[th.Tensor, th.Tensor]:
        """Mean loss of the temporal-difference errors, summed over the critics, and the mean Q-value of the actions taken."""
        discounts = self.gamma if batch.discounts is None else batch.discounts
        with th.no_grad():
            next_actions = self.actor_target(batch.next_observations)
            if self.target_policy_noise > 0:
                next_actions = (next_actions + noise).clamp(-1, 1)
            next_q = AGGREGATIONS[self.critic_aggregation](th.cat(self.critic_target(batch.next_observations, next_actions), dim=1))
            targets = batch.rewards + (1 - batch.dones) * discounts * next_q  # [B, 1]
        q_values = th.stack(self.critic(batch.observations, batch.actions))  # [n_critics, B, 1]
        loss = th.stack([CRITIC_LOSSES[self.critic_loss](q, targets) for q in q_values]).sum()
        return loss, q_values.detach().mean()
