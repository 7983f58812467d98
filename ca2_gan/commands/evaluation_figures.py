"""The picture of ``ca2-gan evaluate``: samples and the training images that they may be copies of."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ca2_gan.drawing import grid, strips
from ca2_gan.metrics.view import View

COLUMNS = 16


def nearest_training_images(fake: View, train: View) -> Figure:
    """Samples above the training images that are nearest to them in the classifier's eyes: the likeliest copies, then any samples.

    :param train: the training images that ``fake`` was compared with
    """
    distances, positions = (found.numpy() for found in fake.nearest_in(train, "classifier"))
    ratios = distances[:, 0] / np.maximum(distances[:, 1], np.finfo(np.float64).tiny)
    n = min(COLUMNS, len(ratios))
    rows = {
        "likeliest copies": np.argsort(ratios, kind="stable")[:n],
        "any samples": np.linspace(0, len(ratios) - 1, n).astype(np.int64),
    }
    pictures = {}
    for title, chosen in rows.items():
        pairs: NDArray[np.uint8] = np.concatenate([fake.samples.images[chosen], train.samples.images[positions[chosen, 0]]])
        pictures[f"{title}; distance to the nearest over the second: {np.median(ratios[chosen]):.2f} (median)"] = grid(pairs, n)
    figure = strips(pictures, 0.6 * n + 0.2, 1.7)
    figure.suptitle(f"{Path(fake.samples.name).name}: samples, and below each the training image nearest to it", fontsize=10)
    return figure
