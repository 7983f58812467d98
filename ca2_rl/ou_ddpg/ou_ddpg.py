from typing import Any

import torch as th
from stable_baselines3 import DDPG
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import GymEnv, ReplayBufferSamples
from stable_baselines3.common.utils import polyak_update
from stable_baselines3.td3.policies import TD3Policy
from torch.nn import functional as F

from ca2_rl.common.diagnostics import GRADIENT_NORM, LOSS, MEAN_Q, WithDiagnostics
from ca2_rl.common.ou_noise import OUNoise
from ca2_rl.errors import UserError


class OUDDPG(WithDiagnostics, DDPG):
    """DDPG (Lillicrap et al. 2016) that explores by Ornstein-Uhlenbeck noise with all of its parameters.

    Each env has its own process, which starts again at ``ou_mu`` when that env's episode ends. The noise is added to
    the scaled action in [-1, 1]. https://arxiv.org/abs/1509.02971

    :param policy: "MlpPolicy", "CnnPolicy", "MultiInputPolicy" or a class
    :param env: the environment or its id; its actions lie in a Box
    :param ou_sigma: scale of the noise, >= 0
    :param ou_theta: rate of the return to the mean, >= 0
    :param ou_dt: time between two steps, > 0; the noise forgets within about 1 / (ou_theta * ou_dt) steps
    :param ou_mu: mean of the noise
    :param kwargs: as in SB3's ``DDPG``, but for ``action_noise``
    :raises UserError: if a value is out of its range or ``action_noise`` is given
    """

    replay_buffer: ReplayBuffer

    def __init__(
        self,
        policy: str | type[TD3Policy],
        env: GymEnv | str,
        *,
        ou_sigma: float = 0.2,
        ou_theta: float = 0.15,
        ou_dt: float = 1.0,
        ou_mu: float = 0.0,
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
        if _init_setup_model:
            self._setup_model()

    def _setup_model(self) -> None:
        # SB3 copies it once for each env, and resets each copy at that env's episode ends
        self.action_noise = OUNoise(self.action_space.shape or (), self.ou_sigma, self.ou_theta, self.ou_dt, self.ou_mu)
        super()._setup_model()

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        self.policy.set_training_mode(True)
        self._update_learning_rate([self.actor.optimizer, self.critic.optimizer])
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)

            critic_loss, mean_q = self._critic_loss(batch)
            self.critic.optimizer.zero_grad()
            critic_loss.backward()
            gradient_norm = th.nn.utils.get_total_norm([p.grad for p in self.critic.parameters() if p.grad is not None])
            self.critic.optimizer.step()

            actor_loss = -self.critic.q1_forward(batch.observations, self.actor(batch.observations)).mean()
            self.actor.optimizer.zero_grad()
            # Only the actor's gradients: SB3 leaves the critic's polluted by this pass, and pays for them
            actor_loss.backward(inputs=list(self.actor.parameters()))
            self.actor.optimizer.step()

            self._update_targets()
            for name, value in {
                LOSS: critic_loss.detach(),
                GRADIENT_NORM: gradient_norm,
                MEAN_Q: mean_q,
                "train/actor_loss": actor_loss.detach(),
            }.items():
                self.averages.add(name, value)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def _critic_loss(self, batch: ReplayBufferSamples) -> tuple[th.Tensor, th.Tensor]:
        """Mean squared temporal-difference error, summed over the critics, and the mean Q-value of the actions taken."""
        discounts = self.gamma if batch.discounts is None else batch.discounts
        with th.no_grad():
            next_actions = self.actor_target(batch.next_observations)
            next_q = th.cat(self.critic_target(batch.next_observations, next_actions), dim=1).amin(dim=1, keepdim=True)
            targets = batch.rewards + (1 - batch.dones) * discounts * next_q  # [B, 1]
        q_values = th.stack(self.critic(batch.observations, batch.actions))  # [n_critics, B, 1]
        loss = th.stack([F.mse_loss(q, targets) for q in q_values]).sum()
        return loss, q_values.detach().mean()

    def _update_targets(self) -> None:
        for online, target in ((self.critic, self.critic_target), (self.actor, self.actor_target)):
            polyak_update(online.parameters(), target.parameters(), self.tau)
        # Running statistics are copied, not averaged: SB3 #996
        polyak_update(self.critic_batch_norm_stats, self.critic_batch_norm_stats_target, 1.0)
        polyak_update(self.actor_batch_norm_stats, self.actor_batch_norm_stats_target, 1.0)
