"""Masks of the actions that an env allows, from ``info["action_mask"]`` (Gymnasium's Taxi) or ``action_masks()`` (sb3-contrib)."""

from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from ca2_core.errors import UserError

KEY, METHOD = "action_mask", "action_masks"
Masks = NDArray[np.bool_]


class ActionMasks:
    """The current masks of several envs: bool [n_envs, n_actions], True for allowed actions.

    :param n_envs: number of envs
    :param n_actions: number of actions
    """

    def __init__(self, n_envs: int, n_actions: int):
        self.current = np.ones((n_envs, n_actions), dtype=bool)

    def begin(self, env: VecEnv) -> None:
        """Reads the masks of envs that have just been reset.

        :raises UserError: if an env gives no mask
        """
        if not env.has_attr(METHOD) and not all(KEY in info for info in env.unwrapped.reset_infos):
            raise UserError(f'action_masks=True: the env has neither info["{KEY}"] nor a method {METHOD}(). Leave it out.')
        self.current = current_masks(env, self.current.shape)

    def step(self, env: VecEnv, infos: list[dict[str, Any]], dones: NDArray[np.bool_]) -> Masks:
        """Reads the masks after a step. Returns those of the next states, which for ended episodes are the last states before the reset.

        With ``action_masks()`` alone, the masks of these last states are unknown, so all actions are allowed there.
        """
        self.current = current_masks(env, self.current.shape, infos, dones)
        following = self.current.copy()
        for i in np.flatnonzero(dones):
            following[i] = infos[i].get(KEY, True)
        following[~following.any(axis=1)] = True  # a terminal state may allow no action
        return following

    def allow(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Replaces actions that are not allowed by random allowed ones, in place: [n_envs]."""
        for i in np.flatnonzero(~self.current[np.arange(len(actions)), actions]):
            actions[i] = np.random.choice(np.flatnonzero(self.current[i]))
        return actions

    def state_dict(self) -> dict[str, Masks]:
        return {"current": self.current}

    def load_state_dict(self, state: dict[str, Masks]) -> None:
        self.current = state["current"]


def current_masks(
    env: VecEnv, shape: tuple[int, ...], infos: list[dict[str, Any]] | None = None, dones: NDArray[np.bool_] | None = None
) -> Masks:
    """The masks for the envs' current observations: bool [n_envs, n_actions].

    :param infos: infos of the last step; None if the envs have just been reset
    :param dones: dones of the last step
    :raises UserError: if an env gives no mask or an invalid one
    """
    if env.has_attr(METHOD):
        return checked(env.env_method(METHOD), shape, f"{METHOD}()")
    resets: list[dict[str, Any]] = env.unwrapped.reset_infos
    told = [resets[i] if infos is None or dones is None or dones[i] else infos[i] for i in range(len(resets))]
    if not all(KEY in info for info in told):
        raise UserError(f'action_masks=True: info["{KEY}"] is missing after a step or a reset. The env has to give it every time.')
    return checked([info[KEY] for info in told], shape, f'info["{KEY}"]')


def checked(given: Any, shape: tuple[int, ...], origin: str) -> Masks:
    """Checks masks and converts them to bool [N, n_actions].

    :param given: one mask for all rows, [n_actions], or one for each
    :param shape: the shape [N, n_actions]
    :param origin: where the masks are from, for the message
    :raises UserError: if the masks have another shape, or one allows no action
    """
    try:
        numbers = np.array(given, dtype=np.float32)
    except (TypeError, ValueError):
        numbers = np.array(np.nan, dtype=np.float32)
    if numbers.shape not in (shape, shape[1:]) or not np.isfinite(numbers).all():
        raise UserError(f"{origin}: a mask needs true or false for each of the {shape[-1]} actions, this is {short(given)}.")
    found: Masks = np.broadcast_to(numbers, shape) != 0
    if not found.any(axis=1).all():
        raise UserError(f"{origin}: a mask allows no action. Where no action is possible, the episode has to end.")
    return found
