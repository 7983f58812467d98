"""DDPG with Ornstein-Uhlenbeck noise."""

from ca2_rl.ou_ddpg.ou_ddpg import OUDDPG
from ca2_rl.ou_ddpg.policies import CnnPolicy, MlpPolicy, MultiInputPolicy

__all__ = ["OUDDPG", "CnnPolicy", "MlpPolicy", "MultiInputPolicy"]
