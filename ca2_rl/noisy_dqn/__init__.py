"""DQN with learned noise on its weights instead of epsilon-greedy exploration."""

from ca2_rl.noisy_dqn.noisy_dqn import NoisyDQN
from ca2_rl.noisy_dqn.policies import CnnPolicy, MlpPolicy, MultiInputPolicy

__all__ = ["CnnPolicy", "MlpPolicy", "MultiInputPolicy", "NoisyDQN"]
