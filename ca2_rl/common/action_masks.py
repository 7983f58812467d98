"""Which actions an env allows: by ``info["action_mask"]``, as Gymnasium's Taxi has it, or by sb3-contrib's ``action_masks()``."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from ca2_core.errors import UserError

KEY, METHOD = "action_mask", "action_masks"
Masks = NDArray[np.bool_]


class ActionMasks:
    """The masks of several envs, bool [n_envs, n_actions], True for what is allowed. One that allows nothing counts as one that allows all.

    :param n_envs: number of envs
    :param n_actions: number of actions
    """

    def __init__(self, n_envs: int, n_actions: int):
        self.current = np.ones((n_envs, n_actions), dtype=bool)

    def begin(self, env: VecEnv) -> None:
        """Looks at envs that have just been reset.

        :raises UserError: if they do not say what is allowed
        """
        if not env.has_attr(METHOD) and not all(KEY in info for info in env.unwrapped.reset_infos):
            raise UserError(f'action_masks=True: the env has neither info["{KEY}"] nor a method {METHOD}(). Leave it out.')
        self.current = current_masks(env, self.current.shape)

    def step(self, env: VecEnv, infos: list[dict[str, Any]], dones: NDArray[np.bool_]) -> Masks:
        """After a step: the masks of what the actions led to, before envs whose episode has ended were reset.

        Where only the method tells, nothing is known of the end of an episode: all is allowed there.
        """
        self.current = current_masks(env, self.current.shape, infos, dones)
        following = self.current.copy()
        for i in np.flatnonzero(dones):
            following[i] = infos[i].get(KEY, True)
        return usable(following)

    def allow(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The actions [n_envs], random allowed ones in place of those that are not."""
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
    """The masks of the envs' last observations: bool [n_envs, n_actions].

    :param infos: of the last step; None if the envs have just been reset
    :param dones: of the last step
    """
    if env.has_attr(METHOD):
        return usable(np.stack(env.env_method(METHOD)).astype(bool))
    resets: list[dict[str, Any]] = env.unwrapped.reset_infos
    masks = np.ones(shape, dtype=bool)
    for i, reset in enumerate(resets):
        is_new = infos is None or dones is None or dones[i]
        masks[i] = (reset if is_new or infos is None else infos[i]).get(KEY, True)
    return usable(masks)


def usable(masks: Masks) -> Masks:
    masks[~masks.any(axis=1)] = True
    return masks
