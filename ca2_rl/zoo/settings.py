"""The hyperparameters of a training: what each one does, and which values it may have.

The table has what rl-zoo3 takes from a file, and the arguments of constructors.
"""

from ca2_core.settings import Setting
from ca2_rl.common.constructors import ARGUMENTS

# What rl-zoo3 takes out before the constructor sees the rest
ZOO = {
    "callback": Setting("dotted name of a callback to import, or a list of them", object),
    "env_kwargs": Setting("arguments of the env; `max_episode_steps` cuts the episodes of the training alone", dict),
    "env_wrapper": Setting("dotted name of a wrapper to import, or a list of them, each with its arguments", object),
    "frame_stack": Setting("observations in a row that the agent sees as one", int, low=1),
    "monitor_kwargs": Setting("arguments of SB3's Monitor", dict | str),
    "n_envs": Setting("envs that are stepped together", int, low=1),
    "n_timesteps": Setting("steps of the training, of all envs together", float, low=1),
    "noise_std": Setting("standard deviation of the action noise", float, low=0),
    "noise_type": Setting("action noise: normal, adaptive-param (ARS) or ornstein-uhlenbeck", str),
    "normalize": Setting("running normalisation of observations and rewards, or arguments of VecNormalize", bool | str | dict),
    "policy": Setting("MlpPolicy, CnnPolicy, MultiInputPolicy or the dotted name of a class", str),
    "vec_env_wrapper": Setting("dotted name of a wrapper for vectorised envs, or a list of them", object),
}

SETTINGS = ZOO | ARGUMENTS

# In env_kwargs
MAX_EPISODE_STEPS = Setting("steps after which an episode of the training is cut", int | None, low=1)

# Longer n-step returns are computed one after the other for minutes, and are of no use
MOST_N_STEPS = 1_000

NOISE_TYPES = ("adaptive-param", "normal", "ornstein-uhlenbeck")

# Of a name that only the algorithm knows
UNKNOWN = Setting("")
