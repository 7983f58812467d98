"""DQN with the six improvements of Rainbow."""

from ca2_rl.noisy_dqn.policies import CnnPolicy, MlpPolicy, MultiInputPolicy
from ca2_rl.rainbow.rainbow import Rainbow

__all__ = ["CnnPolicy", "MlpPolicy", "MultiInputPolicy", "Rainbow"]
