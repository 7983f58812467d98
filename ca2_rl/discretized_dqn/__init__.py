"""DQN for continuous actions, by discretisation."""

from ca2_rl.discretized_dqn.discretized_dqn import DiscretizedDQN
from ca2_rl.discretized_dqn.policies import CnnPolicy, MlpPolicy, MultiInputPolicy

__all__ = ["CnnPolicy", "DiscretizedDQN", "MlpPolicy", "MultiInputPolicy"]
