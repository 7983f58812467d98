"""Draws image arrays for figures and pages; ``ca2_gan.pictures`` writes a generator's images to files."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from ca2_core.files import whole_file
from ca2_gan import pictures

GAP, GAP_GREY = pictures.GAP, 64


def grid(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Arranges images in a grid, row by row with thin gaps: [N, C, H, W] -> one picture [h, w, C]."""
    tiled = pictures.tile(torch.from_numpy(np.ascontiguousarray(images)), columns, GAP_GREY)
    return tiled[:, GAP:-GAP, GAP:-GAP].permute(1, 2, 0).numpy()


def show(panel: Axes, picture: NDArray[Any]) -> None:
    """Draws a picture [H, W, C], C 1 or 3, pixels 0 to 255, without axes."""
    panel.imshow(picture[:, :, 0] if picture.shape[2] == 1 else picture.astype(np.uint8), cmap="gray", vmin=0, vmax=255)
    panel.set_axis_off()


def strips(rows: Mapping[str, NDArray[np.uint8]], width: float, height: float) -> Figure:
    """A figure of pictures [H, W, C], by title, one below the other.

    :param width: of the figure, in inches
    :param height: of each picture with its title, in inches
    """
    figure = Figure(figsize=(width, height * len(rows)), layout="constrained")
    for panel, (title, picture) in zip(figure.subplots(len(rows), 1, squeeze=False).flat, rows.items(), strict=True):
        show(panel, picture)
        panel.set_title(title, fontsize=8, loc="left", pad=2)
    return figure


def encode(picture: NDArray[np.uint8], scale: int = 1) -> bytes:
    """A picture [H, W, C] as PNG, each pixel enlarged to ``scale`` x ``scale``."""
    enlarged = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    buffer = BytesIO()
    Image.fromarray(enlarged[:, :, 0] if enlarged.shape[2] == 1 else enlarged).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def render(figure: Figure) -> bytes:
    """A figure as PNG."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def write(path: Path, content: bytes | str) -> None:
    """Writes a file whole or not at all."""
    with whole_file(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
