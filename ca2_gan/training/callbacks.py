"""The built-in callbacks: log, sample grids, evaluations, checkpoints, progress bar."""

import json
import math
import shutil
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

from tqdm import tqdm

from ca2_core.files import whole_file
from ca2_gan.gan import GAN
from ca2_gan.training.records import KEPT, METRICS, kept_generators, read_metrics, write_samples
from ca2_gan.training.state import Callback, TrainingState


class Log(Callback):
    """Writes logged numbers to ``metrics.jsonl``.

    :param tensorboard: whether to write TensorBoard events too
    """

    def __init__(self, tensorboard: bool = True):
        self.tensorboard = tensorboard
        self._board: Any = None

    def on_start(self, state: TrainingState) -> None:
        """Drops the lines written after the checkpoint from which the run resumes."""
        folder, since = state.folder, state.images
        kept = [row for row in read_metrics(folder) if row["images"] <= since]
        with whole_file(folder / METRICS) as path:
            path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        self._file = (folder / METRICS).open("a", encoding="utf-8")
        if self.tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (takes a second)

            self._board = SummaryWriter(str(folder), purge_step=since + 1 if since else None)

    def on_log(self, state: TrainingState, values: dict[str, float]) -> None:
        """Writes one line; NaN and infinity become null."""
        row = {"images": state.images} | {name: round(v, 6) if math.isfinite(v) else None for name, v in values.items()}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, state.images)

    def on_end(self, state: TrainingState) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


class Samples(Callback):
    """Writes the model with the averaged generator, and a grid of its samples, unless training has diverged.

    :param every: images between two grids; 0 for the last grid only
    """

    def __init__(self, every: int = 20_000):
        self.every = every

    def on_round(self, state: TrainingState) -> None:
        if state.passed(self.every):
            self.on_end(state)

    def on_end(self, state: TrainingState) -> None:
        gan = state.averaged()
        gan.save(state.folder)
        write_samples(gan, state.images, state.folder)


class Keep(Callback):
    """Keeps the averaged generator at some points of the training, in folders such as ``kept/00012800`` that ``load`` reads.

    After a share s of the budget, a share sqrt(s) of the generators is kept, since most is learned early.

    :param number: number of generators, the last one included
    """

    def __init__(self, number: int):
        self.number = number

    def on_start(self, state: TrainingState) -> None:
        self._kept = self._due(state)
        for path in kept_generators(state.folder):  # kept after the checkpoint from which the run resumes
            if int(path.name) > state.images:
                shutil.rmtree(path)

    def on_round(self, state: TrainingState) -> None:
        if self._due(state) > self._kept:
            self._kept = self._due(state)
            state.averaged().export(state.folder / KEPT / f"{state.images:08d}")

    def _due(self, state: TrainingState) -> int:
        return int(self.number * math.sqrt(min(state.spent, 1.0)) + 1e-9)


class Evaluate(Callback):
    """Evaluates the model now and then, and logs the scores.

    :param evaluate: returns scores by name
    :param every: images between two evaluations
    """

    def __init__(self, evaluate: Callable[[GAN], dict[str, float]], every: int):
        self.evaluate, self.every = evaluate, every

    def on_round(self, state: TrainingState) -> None:
        if state.passed(self.every):
            state.log(self.evaluate(state.averaged()))

    def on_end(self, state: TrainingState) -> None:
        if state.is_finished:
            state.log(self.evaluate(state.averaged()))


class Checkpoint(Callback):
    """Saves checkpoints, from which the training can be resumed.

    :param seconds: between two checkpoints
    """

    def __init__(self, seconds: float = 60.0):
        self.seconds = seconds

    def on_start(self, state: TrainingState) -> None:
        self._saved_at = monotonic()

    def on_round(self, state: TrainingState) -> None:
        if monotonic() - self._saved_at > self.seconds:
            state.save()
            self._saved_at = monotonic()

    def on_end(self, state: TrainingState) -> None:
        state.save()


class ProgressBar(Callback):
    """Shows how much of the budget is spent, on stderr if that is a terminal."""

    def on_start(self, state: TrainingState) -> None:
        self._bar = tqdm(total=100, bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}", disable=not sys.stderr.isatty())
        self.on_round(state)

    def on_round(self, state: TrainingState) -> None:
        self._bar.update(100 * min(state.spent, 1.0) - self._bar.n)

    def on_log(self, state: TrainingState, values: dict[str, float]) -> None:
        losses = " ".join(f"{name} {value:.3f}" for name, value in values.items() if name.endswith("_loss"))
        if losses:
            self._bar.set_postfix_str(f"{state.images:,} images, {values['images_per_s']:.0f}/s, {losses}", refresh=False)

    def on_end(self, state: TrainingState) -> None:
        self._bar.close()
