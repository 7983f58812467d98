"""Policies for Pendulum-v1 as networks that take the env's observations and that the page can run."""

import copy
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecNormalize
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import TD3Policy
from torch import Tensor, nn

from ca2_core.errors import UserError
from ca2_rl.discretized_dqn.policies import DiscretizedDQNPolicy
from ca2_rl.envs.pendulum import MAX_TORQUE


class Normalise(nn.Module):
    """Normalises observations as ``VecNormalize`` does: [N, 3] -> [N, 3]. Without statistics, they stay unchanged."""

    mean: Tensor
    scale: Tensor

    def __init__(self, statistics: VecNormalize | None = None):
        super().__init__()
        self.limit: float | None = None
        if statistics is not None and statistics.norm_obs:
            moments: Any = statistics.obs_rms
            self.limit = float(statistics.clip_obs)
            self.register_buffer("mean", torch.as_tensor(moments.mean, dtype=torch.float32))
            self.register_buffer("scale", torch.as_tensor((moments.var + statistics.epsilon) ** -0.5, dtype=torch.float32))

    def forward(self, observations: Tensor) -> Tensor:
        if self.limit is None:
            return observations
        return ((observations - self.mean) * self.scale).clamp(-self.limit, self.limit)


class QValues(nn.Module):
    """Q-value of each torque, by the mean weights: observations [1, 3] -> [1, n_bins]."""

    def __init__(self, policy: DiscretizedDQNPolicy, normalise: Normalise):
        super().__init__()
        self.normalise, self.q_net = normalise, policy.q_net

    def forward(self, observations: Tensor) -> Tensor:
        values: Tensor = self.q_net(self.normalise(observations))
        return values.flatten(1)


class ActorAndValue(nn.Module):
    """Observations [1, 3] -> torque in N m [1, 1] and value of the state [1, 1]."""

    def __init__(self, policy: TD3Policy | SACPolicy | ActorCriticPolicy, normalise: Normalise):
        super().__init__()
        self.normalise, self.policy = normalise, policy

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        seen, policy = self.normalise(observations), self.policy
        if isinstance(policy, ActorCriticPolicy):
            policy_latent, value_latent = policy.mlp_extractor(seen.flatten(1))
            torque = policy.action_net(policy_latent)
            scaled = torch.tanh(torque) * MAX_TORQUE if policy.squash_output else torque.clamp(-MAX_TORQUE, MAX_TORQUE)
            return scaled, policy.value_net(value_latent)
        actor: Any = policy.actor
        is_gaussian = hasattr(actor, "get_action_dist_params")  # SAC's, TQC's
        scaled = torch.tanh(actor.get_action_dist_params(seen)[0]) if is_gaussian else actor(seen)
        return scaled * MAX_TORQUE, mean_of_critics(policy, seen, scaled)


class Critic(nn.Module):
    """Q-value of a torque, mean over the critics: observations [1, 3] and torque in N m [1, 1] -> [1, 1]."""

    def __init__(self, policy: TD3Policy | SACPolicy, normalise: Normalise):
        super().__init__()
        self.normalise, self.policy = normalise, policy

    def forward(self, observations: Tensor, torque: Tensor) -> Tensor:
        return mean_of_critics(self.policy, self.normalise(observations), torque / MAX_TORQUE)


def mean_of_critics(policy: TD3Policy | SACPolicy, observations: Tensor, scaled: Tensor) -> Tensor:
    """Q-values [N, 1] of scaled actions [N, 1] in [-1, 1], mean over the critics and, for TQC, their quantiles."""
    critic: Any = policy.critic
    seen = torch.cat([critic.extract_features(observations, critic.features_extractor), scaled], dim=1)
    values = torch.cat([network(seen) for network in critic.q_networks], dim=1)
    return values.mean(dim=1, keepdim=True)


def networks_of(agent: BaseAlgorithm, statistics: VecNormalize | None) -> tuple[nn.Module, nn.Module | None]:
    """The network that acts, and a separate critic or None.

    :param statistics: running statistics of the training, if observations were normalised
    :raises UserError: if the page does not support the agent
    """
    policy: Any = copy.deepcopy(agent.policy).cpu().eval()
    normalise = Normalise(statistics)
    if isinstance(policy, DiscretizedDQNPolicy):
        return QValues(policy, normalise), None
    if hasattr(policy, "actor") and hasattr(policy, "critic"):
        return ActorAndValue(policy, normalise), Critic(policy, normalise)
    if isinstance(policy, ActorCriticPolicy) and not hasattr(policy, "lstm_actor"):
        return ActorAndValue(policy, normalise), None
    raise UserError(f"the page can't show a {type(agent).__name__}, only DQNs with action bins, and actors.")
