"""Callback that saves the whole state of a training at regular intervals, and resumes a training from one."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from ca2_core.errors import UserError
from ca2_rl.common.callbacks import every_callback
from ca2_rl.state import envs, files, settings
from ca2_rl.state.model import begin_rollout, buffer_bytes, model_state, set_model_state

log = logging.getLogger(__name__)

KEPT = 2
# A replay buffer of more bytes is saved only on interruption
LARGE = 500e6
# Attributes of callbacks that are saved, if a callback has them
REMEMBERED = (
    *("n_calls", "best_mean_reward", "last_mean_reward", "last_best_mean_reward", "no_improvement_evals", "n_episodes", "_mean_loss"),
    *("evaluations_results", "evaluations_timesteps", "evaluations_length", "evaluations_successes"),
)


class SaveStates(BaseCallback):
    """Saves the whole state of the training and keeps the two newest states. Each is a folder named after the number of steps.

    A state is saved at the beginning of a rollout. If the env can't be saved, it has to be the beginning of an episode too: such an
    env gets a known seed for each episode, so that the episode can be repeated.

    :param folder: folder of the states
    :param minutes: minutes between two states
    :param save_buffer: whether a replay buffer of over 500 MB is in every state, not only on interruption
    :param facts: returns further content of a state, which can be written as JSON
    """

    def __init__(
        self, folder: str | Path, minutes: float = 5.0, save_buffer: bool = False, facts: Callable[[], dict[str, Any]] | None = None
    ):
        super().__init__()
        self.folder, self.minutes, self.save_buffer = Path(folder), minutes, save_buffer
        self.cpu_seconds = 0.0
        """CPU time of all saves so far."""
        self._facts = facts
        self._resumed: dict[str, Any] | None = None
        self._is_interrupted = False
        self._waits = False  # whether a save has to wait for the end of an episode
        self._has_ended = True

    def resume(self, model: BaseAlgorithm, state: dict[str, Any]) -> None:
        """Restores a state in a model with the same settings. ``learn(..., reset_num_timesteps=False)`` then continues.

        :param state: from ``newest_state``
        :raises UserError: if the state does not fit the model
        """
        assert model.env is not None
        envs.seed_episodes(model.env, model.seed or 0)
        set_model_state(model, state["model"])
        if lacks_buffer(model, state):
            log.info(
                f"The state of step {model.num_timesteps:,} has no replay buffer: one of over {LARGE / 1e6:,.0f} MB is saved when a "
                "training is stopped, not regularly. It starts empty, so the results will differ from those of an uninterrupted training."
            )
        self._resumed = state

    def interrupt(self) -> None:
        """Makes the training end with a ``KeyboardInterrupt`` as soon as its state is saved."""
        self._is_interrupted = True
        if self._waits:
            log.info("Stopping at the end of the episode, because the env can't be saved within one. Press Ctrl-C again to stop at once.")

    def _init_callback(self) -> None:
        assert self.model.env is not None
        envs.seed_episodes(self.model.env, self.model.seed or 0)

    def _on_training_start(self) -> None:
        env = self.training_env
        unsaved = envs.unsaved(env)
        self._is_exact = not unsaved or envs.is_seeded(env)
        self._waits = bool(unsaved) and self._is_exact and isinstance(self.model, OffPolicyAlgorithm)
        if not self._is_exact:
            log.info(envs.unsaved_text(unsaved))
        callbacks = list(every_callback(self.locals["callback"]))
        for callback in callbacks:
            if isinstance(callback, EvalCallback):
                envs.seed_episodes(callback.eval_env, (self.model.seed or 0) + self.model.n_envs)
        if self._resumed is not None:
            _set_callbacks(callbacks, self._resumed["callbacks"])
        self._last_save = time.monotonic()

    def _on_rollout_start(self) -> None:
        if self._resumed is not None:
            begin_rollout(self.model, self._resumed["model"])
            self._resumed = None
        is_due = self._is_interrupted or time.monotonic() - self._last_save >= 60 * self.minutes
        if is_due and (self._has_ended or not self._waits):
            self.save()
            if self._is_interrupted:
                raise KeyboardInterrupt

    def _on_step(self) -> bool:
        if self._waits:
            self._has_ended = bool(self.locals["dones"].all())
        return True

    def save(self) -> Path:
        """Saves the state now, which has to be the beginning of a rollout.

        :return: folder of the state
        :raises UserError: if the state can't be written; older states are kept
        """
        begin = time.process_time()
        model, folder = self.model, self.folder / str(self.model.num_timesteps)
        buffer = getattr(model, "replay_buffer", None)
        is_small = buffer is None or buffer_bytes(buffer) <= LARGE
        state = {
            "settings": settings.arguments_of(model),
            "model": model_state(model, is_small or self.save_buffer or self._is_interrupted, self._is_exact and self._has_ended),
            "callbacks": _callbacks(every_callback(self.locals["callback"])),
            "facts": self._facts() if self._facts else {},
        }
        try:
            files.write(folder, state)
            past = sorted(steps for steps in states(self.folder) if steps <= model.num_timesteps)
            kept = {str(steps) for steps in past[-KEPT:]}
            for path in files.found(self.folder):  # also removes later states, from before the training was resumed
                if path.name not in kept:
                    shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            reason = error.strerror or error
            raise UserError(
                f"{folder}: can't write the training's state: {reason}. Free some space and resume from the last one."
            ) from error
        self._last_save = time.monotonic()
        self.cpu_seconds += time.process_time() - begin
        return folder


def lacks_buffer(model: BaseAlgorithm, state: dict[str, Any]) -> bool:
    """Whether the model has a replay buffer that is missing in the state."""
    return state["model"]["buffer"] is None and getattr(model, "replay_buffer", None) is not None


def states(folder: Path) -> list[int]:
    """Numbers of steps of the states in a folder of ``SaveStates``."""
    return [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]


def newest_state(folder: Path) -> dict[str, Any] | None:
    """Reads the newest state that is not damaged; None if there are no states.

    :raises UserError: if there are states, but none can be read
    """
    failures: list[UserError] = []
    for steps in sorted(states(folder), reverse=True):
        try:
            state: dict[str, Any] = files.read(folder / str(steps))
        except UserError as error:
            failures.append(error)
        else:
            for failure in failures:
                log.warning(f"{failure} Resuming from step {steps:,}.")
            return state
    if failures:
        raise failures[0]
    return None


def _callbacks(callbacks: Iterator[BaseCallback]) -> list[dict[str, Any]]:
    return [
        {
            "class": type(callback).__name__,
            "remembers": {name: getattr(callback, name) for name in REMEMBERED if hasattr(callback, name)},
            "env": envs.vec_env_state(callback.eval_env) if isinstance(callback, EvalCallback) else None,
        }
        for callback in callbacks
    ]


def _set_callbacks(callbacks: list[BaseCallback], saved: list[dict[str, Any]]) -> None:
    """Restores callbacks, matched by class and order. Some may be missing or new, depending on the options about printing."""
    for callback in callbacks:
        found = next((its for its in saved if its["class"] == type(callback).__name__), None)
        if found is None:
            continue
        saved = [its for its in saved if its is not found]
        for name in REMEMBERED:
            if name in found["remembers"]:
                setattr(callback, name, found["remembers"][name])
        if isinstance(callback, EvalCallback):
            envs.set_vec_env_state(callback.eval_env, found["env"])
