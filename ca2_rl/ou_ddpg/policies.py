"""SB3's policies of TD3, which DDPG shares."""

from stable_baselines3.td3 import policies as td3

from ca2_rl.common.training_mode import SwitchesOnce


class MlpPolicy(SwitchesOnce, td3.MlpPolicy):
    """For vectors."""


class CnnPolicy(SwitchesOnce, td3.CnnPolicy):
    """For images."""


class MultiInputPolicy(SwitchesOnce, td3.MultiInputPolicy):
    """For dict observations."""
