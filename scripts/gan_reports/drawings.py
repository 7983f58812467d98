"""Figures of what the models draw: a strip of images is in the record of each training."""

from base64 import b64decode
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from ca2_core.study.results import Records, Results
from ca2_gan.drawing import GAP, show
from gan_reports import main_tasks, panels, trained

INCHES = 8.4


def decoded(text: str) -> NDArray[np.uint8]:
    """A strip as a picture [H, W, C]."""
    picture = np.asarray(Image.open(BytesIO(b64decode(text))))
    return picture[:, :, None] if picture.ndim == 2 else picture


def drawn(records: Records) -> NDArray[np.uint8] | None:
    """The strip of the first training that has one."""
    return next((decoded(record["drawn"]) for record in records if "drawn" in record), None)


def of_all(results: Results) -> Figure:
    """A row for each model at each data set's main budget."""
    strips = {}
    for task in main_tasks(results):
        found = {label: row for label, group in trained(results, task).items() if (row := drawn(group)) is not None}
        if found:
            strips[task] = found
    figure, axes = panels([0.4 + 0.3 * len(models) for models in strips.values()], INCHES)
    for panel, (title, models) in zip(axes, strips.items(), strict=False):
        height = next(iter(models.values())).shape[0] + GAP
        picture = np.concatenate([np.pad(row, ((0, GAP), (0, 0), (0, 0)), constant_values=255) for row in models.values()])
        show(panel, picture)
        for i, label in enumerate(models):
            panel.text(-2 * GAP, (i + 0.5) * height, label, ha="right", va="center", fontsize=8)
        panel.set_title(title, loc="left", fontsize=10)
    return _blank(figure)


def of_model(results: Results, model: str) -> Figure:
    """A row for each data set at its main budget."""
    strips = {task: drawn(trained(results, task).get(model, [])) for task in main_tasks(results)}
    found = {title: row for title, row in strips.items() if row is not None}
    figure, axes = panels([0.62] * len(found), INCHES)
    for panel, (title, row) in zip(axes, found.items(), strict=False):
        show(panel, row)
        panel.set_title(title, loc="left", fontsize=9)
    return _blank(figure)


def _blank(figure: Figure) -> Figure:
    """Without axes, also where there is nothing to show."""
    for panel in figure.axes:
        panel.set_axis_off()
    return figure
