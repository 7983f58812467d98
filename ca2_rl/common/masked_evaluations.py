"""Lets SB3's ``EvalCallback`` evaluate agents with action masks."""

from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from ca2_rl.common.action_masks import ActionMasks
from ca2_rl.common.callbacks import every_callback


class MaskedEnv(VecEnvWrapper):
    """Wrapper that keeps the current action masks of its envs.

    :param venv: the envs
    :param n_actions: number of actions
    """

    def __init__(self, venv: VecEnv, n_actions: int):
        super().__init__(venv)
        self.masks = ActionMasks(venv.num_envs, n_actions)

    def reset(self) -> VecEnvObs:
        observations = self.venv.reset()
        self.masks.begin(self.venv)
        return observations

    def step_wait(self) -> VecEnvStepReturn:
        observations, rewards, dones, infos = self.venv.step_wait()
        self.masks.step(self.venv, infos, dones)
        return observations, rewards, dones, infos


class MaskedAgent:
    """An agent whose ``predict`` uses the current masks of the evaluation's envs. All other attributes are those of the agent."""

    def __init__(self, agent: BaseAlgorithm, masks: ActionMasks):
        self.agent, self.masks = agent, masks

    def __getattr__(self, name: str) -> Any:
        return getattr(self.agent, name)

    def predict(self, *args: Any, **kwargs: Any) -> tuple[np.ndarray, Any]:
        found: tuple[np.ndarray, Any] = self.agent.predict(*args, **{"action_masks": self.masks.current, **kwargs})
        return found


class MaskedEvaluations(BaseCallback):
    """Gives each ``EvalCallback`` of a training a ``MaskedAgent``, because the callback calls ``predict`` without masks.

    :param n_actions: number of actions
    """

    def __init__(self, n_actions: int):
        super().__init__()
        self._n_actions = n_actions
        self._changed: list[tuple[EvalCallback, tuple[Any, str]]] = []

    def _on_training_start(self) -> None:
        found = [each for each in every_callback(self.locals["callback"]) if isinstance(each, EvalCallback)]
        self._changed = [(evaluation, _innermost(evaluation)) for evaluation in found]
        for evaluation, place in self._changed:
            env = MaskedEnv(getattr(*place), self._n_actions)
            setattr(*place, env)
            evaluation.model = MaskedAgent(self.model, env.masks)  # type: ignore[assignment]

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        for evaluation, place in self._changed:
            evaluation.model = self.model
            setattr(*place, getattr(*place).venv)


def _innermost(evaluation: EvalCallback) -> tuple[Any, str]:
    """Object and attribute that hold the innermost envs. Outer wrappers must stay the same as the training's, because SB3 compares them."""
    place: tuple[Any, str] = evaluation, "eval_env"
    while isinstance(getattr(*place), VecEnvWrapper):
        place = getattr(*place), "venv"
    return place
