"""Writes images to files: grids, animations, folders of PNGs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ca2_core.files import whole_file

GAP = 2


def to_picture(image: Tensor) -> Image.Image:
    """uint8 [C, H, W] -> a gray or RGB picture."""
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def tile(images: Tensor, columns: int, grey: int = 128) -> Tensor:
    """uint8 [N, C, H, W] -> one image [C, h, w], row by row with a gap between and around them.

    torchvision has this too, but its import takes as long as torch's.
    """
    n, channels, height, width = images.shape
    columns, high, wide = min(columns, n), height + GAP, width + GAP
    grid = torch.full((channels, -(-n // columns) * high + GAP, columns * wide + GAP), grey, dtype=images.dtype)
    for i, image in enumerate(images):
        top, left = i // columns * high + GAP, i % columns * wide + GAP
        grid[:, top : top + height, left : left + width] = image
    return grid


def write_grid(images: Tensor, columns: int, path: Path) -> None:
    """Writes a grid of images, uint8 [N, C, H, W], as a PNG."""
    with whole_file(path) as partial:
        to_picture(tile(images, columns)).save(partial)


def write_animation(frames: Sequence[Tensor], columns: int, path: Path, seconds_per_frame: float = 0.08) -> None:
    """Writes grids of images, each uint8 [N, C, H, W], as a GIF that loops."""
    first, *rest = (to_picture(tile(frame, columns)) for frame in frames)
    with whole_file(path) as partial:
        first.save(partial, save_all=True, append_images=rest, duration=round(1000 * seconds_per_frame), loop=0)


def write_folder(images: Tensor, names: Sequence[str], folder: Path) -> None:
    """Writes each image, uint8 [N, C, H, W], as NAME.png into a folder."""
    for image, name in zip(images, names, strict=True):
        with whole_file(folder / f"{name}.png") as partial:
            to_picture(image).save(partial)
