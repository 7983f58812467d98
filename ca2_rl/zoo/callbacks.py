"""Callbacks that the commands add to every training."""

import csv
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import CSVOutputFormat

from ca2_core.errors import UserError
from ca2_rl.state.callback import SaveStates
from ca2_rl.zoo.resume import read_progress


class AppendedCSV(CSVOutputFormat):
    """SB3's CSV log, appended to the rows that the file already has."""

    def __init__(self, path: Path):
        path.touch()
        self.file = path.open("r+", newline="", encoding="utf-8")
        content = self.file.read()  # moves the position to the end
        self.keys = next(csv.reader([content.partition("\n")[0]]), [])
        self.separator, self.quotechar = ",", '"'
        if content and not content.endswith("\n"):  # the process that wrote it was killed
            self.file.write("\n")


class ProgressLog(BaseCallback):
    """Also writes SB3's log to a CSV file, after the rows of a resumed training."""

    def __init__(self, path: Path):
        super().__init__()
        self._path = path
        self._log: CSVOutputFormat | None = None

    def _on_training_start(self) -> None:
        read_progress(self._path)  # reports a damaged file
        self._log = AppendedCSV(self._path)
        self.logger.output_formats.append(self._log)

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        if self._log is not None:  # rl-zoo3 ends its first callback twice
            self.logger.output_formats.remove(self._log)
            self._log.close()
            self._log = None


class StopOnSignal(BaseCallback):
    """Ends the training on Ctrl-C or SIGTERM, after its state has been saved or after the current step. A second Ctrl-C ends it at once.

    :param states: the callback that saves states; None for an algorithm whose state can't be saved
    """

    def __init__(self, states: SaveStates | None):
        super().__init__()
        self.states = states
        self.stopped = False
        """Whether a signal was received."""
        self._previous: dict[signal.Signals, Any] = {}

    def _on_training_start(self) -> None:
        self._previous = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True
        self.restore()
        if self.states is not None:
            self.states.interrupt()

    def restore(self) -> None:
        """Restores the previous signal handlers."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _on_step(self) -> bool:
        return not self.stopped or self.states is not None

    def _on_training_end(self) -> None:
        self.restore()


class CheckRewards(BaseCallback):
    """Ends the training with a ``UserError`` at the first reward or observation that is not finite: all weights would become NaN."""

    def _on_step(self) -> bool:
        rewards = self.locals.get("rewards")
        if rewards is None:  # ARS evaluates whole candidates and has no steps
            return True
        if not np.isfinite(rewards).all():
            bad = rewards[~np.isfinite(rewards)][0]
            raise UserError(
                f"the env returned the reward {bad} at step {self.num_timesteps:,}. Fix the env, or clip its rewards by a wrapper."
            )
        observations = self.locals["new_obs"]
        for part in observations.values() if isinstance(observations, dict) else (observations,):
            if part.dtype.kind == "f" and not np.isfinite(part).all():
                raise UserError(f"the env returned an observation that is not finite at step {self.num_timesteps:,}. Fix the env.")
        return True
