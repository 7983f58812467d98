"""Table of all hyperparameters of a training: what each one does, and which values it may have.

The table contains rl-zoo3's own settings and the arguments of constructors.
"""

from ca2_core.settings import Setting
from ca2_rl.common.constructors import ARGUMENTS

# Settings that rl-zoo3 uses itself; the constructor gets the rest
ZOO = {
    "callback": Setting("dotted name of a callback to import, or a list of them", object),
    "env_kwargs": Setting("arguments of the env; `max_episode_steps` limits only training episodes, not evaluations", dict),
    "env_wrapper": Setting("dotted name of a wrapper to import, or a list of them, each with its arguments", object),
    "frame_stack": Setting("number of successive observations that are stacked", int, low=1),
    "monitor_kwargs": Setting("arguments of SB3's Monitor", dict | str),
    "n_envs": Setting("number of envs in parallel", int, low=1),
    "n_timesteps": Setting("steps of the training, summed over all envs", float, low=1),
    "noise_std": Setting("standard deviation of the action noise", float, low=0),
    "noise_type": Setting("action noise: normal, adaptive-param (ARS) or ornstein-uhlenbeck", str),
    "normalize": Setting("running normalisation of observations and rewards, or arguments of VecNormalize", bool | str | dict),
    "policy": Setting("MlpPolicy, CnnPolicy, MultiInputPolicy or the dotted name of a class", str),
    "vec_env_wrapper": Setting("dotted name of a wrapper for vectorised envs, or a list of them", object),
}

SETTINGS = ZOO | ARGUMENTS

# An entry of env_kwargs
MAX_EPISODE_STEPS = Setting("time limit of training episodes in steps", int | None, low=1)

# Longer n-step returns would take minutes to compute, without a benefit
MOST_N_STEPS = 1_000

NOISE_TYPES = ("adaptive-param", "normal", "ornstein-uhlenbeck")

# For a name that only the algorithm knows
UNKNOWN = Setting("")
