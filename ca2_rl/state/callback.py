"""Saves the whole state of a training from time to time, and has a training go on with one."""

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
# A replay buffer of more bytes is saved on interruption only
LARGE = 500e6
# What callbacks remember, as far as they have it
REMEMBERED = (
    *("n_calls", "best_mean_reward", "last_mean_reward", "last_best_mean_reward", "no_improvement_evals", "n_episodes", "_mean_loss"),
    *("evaluations_results", "evaluations_timesteps", "evaluations_length", "evaluations_successes"),
)


class SaveStates(BaseCallback):
    """Saves the whole state of the training, and keeps the newest two. Each is a folder named after the number of steps.

    A state is taken where a rollout begins. If the env can't be saved, an episode has to begin there as well. Such an env begins each
    episode with a seed of its own, so that it is found again.

    :param folder: where they are
    :param minutes: between two of them
    :param save_buffer: whether a replay buffer of over 500 MB is always in them, not only on interruption
    :param facts: called for what else is to be kept, ready for JSON
    """

    def __init__(
        self, folder: str | Path, minutes: float = 5.0, save_buffer: bool = False, facts: Callable[[], dict[str, Any]] | None = None
    ):
        super().__init__()
        self.folder, self.minutes, self.save_buffer = Path(folder), minutes, save_buffer
        self.cpu_seconds = 0.0
        """What saving has taken so far."""
        self._facts = facts
        self._resumed: dict[str, Any] | None = None
        self._is_interrupted = False
        self._waits = False  # for ends of episodes
        self._has_ended = True

    def resume(self, model: BaseAlgorithm, state: dict[str, Any]) -> None:
        """Puts a model of the same settings into a state; it goes on with ``learn`` and ``reset_num_timesteps=False``.

        :param state: as ``newest_state`` reads it
        :raises UserError: if it does not fit
        """
        assert model.env is not None
        envs.seed_episodes(model.env, model.seed or 0)
        set_model_state(model, state["model"])
        if lacks_buffer(model, state):
            log.info(
                f"The state of step {model.num_timesteps:,} has no replay buffer: one of over {LARGE / 1e6:,.0f} MB is saved when a "
                "training is stopped, not from time to time. It begins empty: the numbers will not be those of an uninterrupted training."
            )
        self._resumed = state

    def interrupt(self) -> None:
        """Ends the training with a ``KeyboardInterrupt`` as soon as its state is saved."""
        self._is_interrupted = True
        if self._waits:
            log.info("Stopping at the end of the episode: the env can't be saved before. Again, to stop at once.")

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
        """Saves the state now, where a rollout begins.

        :return: its folder
        :raises UserError: if it can't be written; the older states are still there
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
            for path in files.found(self.folder):  # also what was gone back from
                if path.name not in kept:
                    shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            reason = error.strerror or error
            raise UserError(f"{folder}: can't write the training's state: {reason}. Free some space and go on with the last.") from error
        self._last_save = time.monotonic()
        self.cpu_seconds += time.process_time() - begin
        return folder


def lacks_buffer(model: BaseAlgorithm, state: dict[str, Any]) -> bool:
    """Whether a state was saved without the replay buffer that the model has."""
    return state["model"]["buffer"] is None and getattr(model, "replay_buffer", None) is not None


def states(folder: Path) -> list[int]:
    """Steps of the states in a folder of ``SaveStates``."""
    return [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]


def newest_state(folder: Path) -> dict[str, Any] | None:
    """The newest state that can be read; None if there is none.

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
                log.warning(f"{failure} Going on from step {steps:,}.")
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
    """Those of the same class, in their order: which ones there are may differ by what is printed."""
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
