"""SB3's policies of TD3, which DDPG shares, with an optimiser of its own for the actor."""

from typing import Any

from stable_baselines3.td3 import policies as td3
from stable_baselines3.td3.policies import TD3Policy

from ca2_rl.common.activations import NamesActivation
from ca2_rl.common.training_mode import SwitchesOnce


class OUDDPGPolicy(NamesActivation, SwitchesOnce, TD3Policy):
    """Actor and critics.

    :param actor_optimizer_kwargs: in place of ``optimizer_kwargs``, for the actor; with {}, weight decay is the critics' alone
    :param kwargs: as in SB3's ``TD3Policy``; ``activation_fn`` may be a name in ``torch.nn``
    """

    def __init__(self, *args: Any, actor_optimizer_kwargs: dict[str, Any] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.actor_optimizer_kwargs = actor_optimizer_kwargs
        if actor_optimizer_kwargs is not None:
            optimizer_class: Any = self.optimizer_class
            learning_rate = self.actor.optimizer.param_groups[0]["lr"]
            self.actor.optimizer = optimizer_class(self.actor.parameters(), lr=learning_rate, **actor_optimizer_kwargs)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "actor_optimizer_kwargs": self.actor_optimizer_kwargs}


MlpPolicy = OUDDPGPolicy


class CnnPolicy(OUDDPGPolicy, td3.CnnPolicy):
    """For images."""


class MultiInputPolicy(OUDDPGPolicy, td3.MultiInputPolicy):
    """For dict observations."""
