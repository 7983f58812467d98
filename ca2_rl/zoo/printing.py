"""Output of a training: a line for each evaluation, and on a terminal a progress bar and a table every minute."""

import math
import re
import sys
import time
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.logger import HumanOutputFormat, KVWriter
from tqdm import tqdm

# Seconds between two of SB3's tables on a terminal
BETWEEN_TABLES = 60


def say(line: str) -> None:
    """Prints a line at once, above a progress bar if one is shown."""
    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()


def lengths_text(lengths: Any) -> str:
    """Lengths of episodes: ``200 steps`` or ``9 to 500 steps``."""
    least, most = int(np.min(lengths)), int(np.max(lengths))
    return f"{least:,} steps" if least == most else f"{least:,} to {most:,} steps"


def cause_text(error: BaseException) -> str:
    """Message of an error on one line, with plain names of the classes in it."""
    text = re.sub(r"\(?<class '[\w.]*?(\w+)'>,?\)?", r"\1", str(error))
    return " ".join(text.split()) or type(error).__name__


class ProgressBar(BaseCallback):
    """A progress bar over all steps of a training on stderr, if that is a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None

    def _on_training_start(self) -> None:
        total, done = self.locals["total_timesteps"], self.model.num_timesteps
        self._bar = tqdm(total=total, initial=done, unit="step", leave=False, dynamic_ncols=True, disable=not sys.stderr.isatty())

    def _on_step(self) -> bool:
        self._bar.update(self.training_env.num_envs)
        return True

    def _on_training_end(self) -> None:
        if self._bar is not None:  # rl-zoo3 ends its first callback even if the training could not start
            self._bar.close()


class TableEveryMinute(KVWriter):
    """SB3's table of logged values, printed at most once a minute."""

    def __init__(self) -> None:
        self._table = HumanOutputFormat(sys.stdout)
        self._last = time.monotonic()

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        is_whole = "time/fps" in key_values  # evaluations dump separately
        if is_whole and time.monotonic() - self._last >= BETWEEN_TABLES:
            self._table.write(key_values, key_excluded, step)
            self._last = time.monotonic()

    def close(self) -> None:
        self._table.close()


class Tables(BaseCallback):
    """Prints a table every minute."""

    def _on_training_start(self) -> None:
        self.logger.output_formats.append(TableEveryMinute())

    def _on_step(self) -> bool:
        return True


class EvaluationLine(BaseCallback):
    """Prints a line after each evaluation; SB3's ``EvalCallback`` calls it.

    Each return is printed with the lengths of its episodes, because training episodes may have a shorter time limit.
    """

    parent: EvalCallback

    def __init__(self) -> None:
        super().__init__()
        self._begin = math.nan

    def _on_training_start(self) -> None:
        self._begin = time.monotonic()

    def _on_step(self) -> bool:
        returns, lengths = self.parent.evaluations_results[-1], self.parent.evaluations_length[-1]
        step = f"{self.num_timesteps:,}".rjust(len(f"{self.model._total_timesteps:,}"))
        text = f"Step {step}: return {np.mean(returns):.1f}, std {np.std(returns):.1f} ({lengths_text(lengths)})"
        trained = self.model.ep_info_buffer
        if trained:
            mean = np.mean([episode["r"] for episode in trained])
            text += f"; in training {mean:.1f} ({lengths_text([episode['l'] for episode in trained])})"
        text += f"; {time.monotonic() - self._begin:.0f} s"
        *before, last = (np.mean(each) for each in self.parent.evaluations_results)
        if last > max(before, default=-math.inf):
            text += ", new best"
        say(text)
        return True
