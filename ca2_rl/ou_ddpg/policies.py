"""SB3's TD3 policies, which DDPG also uses, with separate options for the actor's optimiser and the critics' activation."""

from typing import Any

from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.td3 import policies as td3
from stable_baselines3.td3.policies import TD3Policy
from torch import nn

from ca2_rl.common.activations import NamesActivation, activation
from ca2_rl.fast.training_mode import SwitchesOnce


class OUDDPGPolicy(NamesActivation, SwitchesOnce, TD3Policy):
    """Policy with an actor and critics.

    :param critic_activation_fn: replaces ``activation_fn`` for the critics
    :param actor_optimizer_kwargs: replaces ``optimizer_kwargs`` for the actor; with {}, a weight decay applies to the critics only
    :param kwargs: as in SB3's ``TD3Policy``; an activation may be a name in ``torch.nn``
    """

    def __init__(
        self,
        *args: Any,
        critic_activation_fn: str | type[nn.Module] | None = None,
        actor_optimizer_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        self.critic_activation_fn = critic_activation_fn  # must be set first: the base class makes the critics
        super().__init__(*args, **kwargs)
        self.actor_optimizer_kwargs = actor_optimizer_kwargs
        if actor_optimizer_kwargs is not None:
            optimizer_class: Any = self.optimizer_class
            learning_rate = self.actor.optimizer.param_groups[0]["lr"]
            self.actor.optimizer = optimizer_class(self.actor.parameters(), lr=learning_rate, **actor_optimizer_kwargs)

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> ContinuousCritic:
        if self.critic_activation_fn is not None:
            self.critic_kwargs["activation_fn"] = activation(self.critic_activation_fn, "critic_activation_fn")
        return super().make_critic(features_extractor)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("critic_activation_fn", "actor_optimizer_kwargs")}
        return {**super()._get_constructor_parameters(), **own}


MlpPolicy = OUDDPGPolicy


class CnnPolicy(OUDDPGPolicy, td3.CnnPolicy):
    """For images."""


class MultiInputPolicy(OUDDPGPolicy, td3.MultiInputPolicy):
    """For dict observations."""
