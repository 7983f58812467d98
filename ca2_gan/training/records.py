"""The records of a run: ``metrics.jsonl``, sample grids, generators kept during the training."""

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
    """The lines of a run's ``metrics.jsonl``; damaged lines, such as one cut off by a crash, are left out."""
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
    """Folders of the generators that a run has kept, the earliest first. A folder's name is the number of images seen until then."""
    return sorted(path for path in (folder / KEPT).glob("*") if path.name.isdigit() and (path / CONFIG).is_file())


def _is_number(value: Any) -> bool:
    """Whether a value is a finite number, or None, which the log has instead of NaN and infinity."""
    return value is None or (type(value) in (int, float) and abs(value) < 1e300)


def write_samples(gan: GAN, images: int, folder: Path) -> None:
    """Writes a grid of samples, such as ``samples/00012800.png``: always from the same noise, one row per class if conditional.

    :param images: number of images that the model has seen
    """
    if gan.is_conditional:
        rows = min(gan.spec.num_classes, MOST_ROWS)
        pictures = gan.images_from(gan.draw_noise(COLUMNS, seed=0).repeat(rows, 1), torch.arange(rows).repeat_interleave(COLUMNS))
    else:
        pictures = gan.sample(COLUMNS * COLUMNS, seed=0)
    write_grid(pictures, COLUMNS, folder / SAMPLES / f"{images:08d}.png")
