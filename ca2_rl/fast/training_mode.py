"""Switching a policy between training and evaluation."""

from stable_baselines3.common.policies import BasePolicy


class SwitchesOnce(BasePolicy):
    """Policy that visits its modules only if the mode changes. SB3 sets the mode before every rollout, which may be a single step."""

    def set_training_mode(self, mode: bool) -> None:
        if mode != self.training:
            super().set_training_mode(mode)
