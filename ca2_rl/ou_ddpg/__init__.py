"""DDPG with Ornstein-Uhlenbeck noise."""

from ca2_rl.ou_ddpg.ou_ddpg import OUDDPG

__all__ = ["OUDDPG"]
