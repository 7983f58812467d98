"""What a run leaves to look at: ``metrics.jsonl``, sample grids, generators along the training."""

import json
from pathlib import Path
from typing import Any

import torch

from ca2_gan.gan import GAN
from ca2_gan.model_files import CONFIG
from ca2_gan.pictures import write_grid

METRICS, SAMPLES, KEPT = "metrics.jsonl", "samples", "kept"
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


def kept_generators(folder: Path) -> list[Path]:
    """Folders of the generators that a run has kept, the earliest first. Their names are the images that each has seen."""
    return sorted(path for path in (folder / KEPT).glob("*") if path.name.isdigit() and (path / CONFIG).is_file())


def _is_number(value: Any) -> bool:
    """Whether something is a finite number or, in place of one that was not finite, None."""
    return value is None or (type(value) in (int, float) and abs(value) < 1e300)


def write_samples(gan: GAN, images: int, folder: Path) -> None:
    """A grid of samples from the same noise each time, of a conditional model a row per class; ``samples/00012800.png``.

    :param images: that the model has seen
    """
    if gan.is_conditional:
        rows = min(gan.spec.num_classes, MOST_ROWS)
        pictures = gan.images_from(gan.draw_noise(COLUMNS, seed=0).repeat(rows, 1), torch.arange(rows).repeat_interleave(COLUMNS))
    else:
        pictures = gan.sample(COLUMNS * COLUMNS, seed=0)
    write_grid(pictures, COLUMNS, folder / SAMPLES / f"{images:08d}.png")
