"""Saves and loads the whole state of a training, so that it continues as if it had never stopped."""

from ca2_rl.state.callback import SaveStates
from ca2_rl.state.envs import register_env_state
from ca2_rl.state.model import load_state, restore_state, save_state

__all__ = ["SaveStates", "load_state", "register_env_state", "restore_state", "save_state"]
