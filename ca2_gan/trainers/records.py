"""What a run leaves to look at: ``metrics.jsonl``, TensorBoard events, sample grids."""

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ca2_core.files import whole_file
from ca2_gan.gan import GAN
from ca2_gan.pictures import write_grid

METRICS, SAMPLES = "metrics.jsonl", "samples"
COLUMNS, MOST_ROWS = 10, 64


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's ``metrics.jsonl``; one that a crash cut off, or that is damaged otherwise, is left out."""
    path = folder / METRICS
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and type(row.get("images")) is int and all(map(_is_number, row.values())):
            rows.append(row)
    return rows


def _is_number(value: Any) -> bool:
    """Whether something is a finite number or, in place of one that was not finite, None."""
    return value is None or (type(value) in (int, float) and abs(value) < 1e300)


class Records:
    """Writes what happened after how many images.

    :param folder: the run folder
    :param since: images at which the run goes on; what was noted after them is dropped
    :param tensorboard: whether to write TensorBoard events too
    """

    def __init__(self, folder: Path, since: int, tensorboard: bool):
        self.folder = folder
        kept = [row for row in read_metrics(folder) if row["images"] <= since]
        with whole_file(folder / METRICS) as path:
            path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        self._file = (folder / METRICS).open("a", encoding="utf-8")
        self._board: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (takes a second)

            self._board = SummaryWriter(str(folder), purge_step=since + 1 if since else None)

    def note(self, images: int, values: dict[str, float]) -> None:
        """One line; numbers that aren't finite become null."""
        row = {"images": images} | {name: round(v, 6) if math.isfinite(v) else None for name, v in values.items()}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, images)

    def sample(self, gan: GAN, images: int) -> None:
        """A grid of samples, classes from top to bottom, from the same noise each time; ``samples/00012800.png``."""
        pictures, columns = fixed_samples(gan)
        write_grid(pictures, columns, self.folder / SAMPLES / f"{images:08d}.png")

    def close(self) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def fixed_samples(gan: GAN) -> tuple[Tensor, int]:
    """Samples from noise that is always the same, uint8 [rows * columns, C, H, W], and the number of columns.

    A row per class where there are classes, with the same noise in every row.
    """
    rows = min(gan.spec.num_classes, MOST_ROWS) if gan.is_conditional else COLUMNS
    if not gan.is_conditional:
        return gan.sample(rows * COLUMNS, seed=0), COLUMNS
    noise = gan.draw_noise(COLUMNS, seed=0).repeat(rows, 1)
    return gan.images_from(noise, torch.arange(rows).repeat_interleave(COLUMNS)), COLUMNS
