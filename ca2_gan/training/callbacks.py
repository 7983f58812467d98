"""What a training leaves and tells while it goes on: log, sample grids, evaluations, checkpoints, a progress bar."""

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
    """Writes what is to be noted into ``metrics.jsonl``.

    :param tensorboard: whether to write TensorBoard events too
    """

    def __init__(self, tensorboard: bool = True):
        self.tensorboard = tensorboard
        self._board: Any = None

    def on_start(self, state: TrainingState) -> None:
        """What was noted after the checkpoint that the run goes on from is dropped."""
        folder, since = state.folder, state.images
        kept = [row for row in read_metrics(folder) if row["images"] <= since]
        with whole_file(folder / METRICS) as path:
            path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        self._file = (folder / METRICS).open("a", encoding="utf-8")
        if self.tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (takes a second)

            self._board = SummaryWriter(str(folder), purge_step=since + 1 if since else None)

    def on_log(self, state: TrainingState, values: dict[str, float]) -> None:
        """One line; numbers that aren't finite become null."""
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
    """Writes the model as it is sampled, and a grid of its samples; not if training has gone wrong.

    :param every: images between two grids; 0 for the last one only
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
    """Keeps the generator as it is sampled at some points of the training, ``kept/00012800`` and so on; ``load`` reads each.

    After a share s of the budget, the square root of s of them are there: most is learned early.

    :param number: how many, the last one included
    """

    def __init__(self, number: int):
        self.number = number

    def on_start(self, state: TrainingState) -> None:
        self._kept = self._due(state)
        for path in kept_generators(state.folder):  # kept after the checkpoint that the run goes on from
            if int(path.name) > state.images:
                shutil.rmtree(path)

    def on_round(self, state: TrainingState) -> None:
        if self._due(state) > self._kept:
            self._kept = self._due(state)
            state.averaged().export(state.folder / KEPT / f"{state.images:08d}")

    def _due(self, state: TrainingState) -> int:
        return int(self.number * math.sqrt(min(state.spent, 1.0)) + 1e-9)


class Evaluate(Callback):
    """Notes what an evaluation says of the model.

    :param evaluate: gives numbers by name
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
    """Saves the training, so that it can be gone on with.

    :param seconds: between two savings
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
    """A bar of the budget on stderr, where that is a terminal."""

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
