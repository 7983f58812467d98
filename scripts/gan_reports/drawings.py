"""Figures of what the models draw: a strip of images is in the record of each training."""

from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from ca2_core.study.results import Records, Results, succeeded
from ca2_gan.drawing import GAP, show
from gan_reports import main_tasks, real, trained

INCHES = 9.0
COLUMNS = 13  # images beside each other, at most: half of the alphabet
MARGIN, GAP_ABOVE, CLASSES, TITLE = 1.2, 0.06, 0.18, 0.3  # inches: left of a row, and above it for its parts


class Row(NamedTuple):
    """A row of images.

    :param title: above it, if anything
    :param model: left of it, if anything
    :param picture: images with gaps between them, [H, W, C]
    :param classes: of the images; none of a model that is not told any
    """

    title: str
    model: str
    picture: NDArray[np.uint8]
    classes: list[str]


def decoded(text: str) -> NDArray[np.uint8]:
    """A strip as a picture [H, W, C]."""
    picture = np.asarray(Image.open(BytesIO(b64decode(text))))
    return picture[:, :, None] if picture.ndim == 2 else picture


def drawn(records: Records) -> NDArray[np.uint8] | None:
    """The strip of the first training that has one."""
    return next((decoded(record["drawn"]) for record in records if "drawn" in record), None)


def is_conditional(records: Records) -> bool:
    """Whether the images of the strip are of one class after the other; only then an accuracy is known."""
    return any(record.get("acc") is not None for record in succeeded(records))


def rows(title: str, model: str, records: Records, classes: list[str], rounds: int) -> Iterator[Row]:
    """The strip of a model, in rows of one image a class, or two rows where the classes are many.

    :param rounds: how many images of each class, at most
    """
    strip = drawn(records)
    if strip is None:
        return
    step, columns = strip.shape[0] + GAP, min(len(classes), COLUMNS)
    images = min(rounds * len(classes), (strip.shape[1] + GAP) // step)
    for first in range(0, images // columns * columns or images, columns):
        last = min(first + columns, images)
        names = [classes[i % len(classes)] for i in range(first, last)] if is_conditional(records) else []
        yield Row("" if first else title, "" if first else model, strip[:, first * step : last * step - GAP], names)


def of_all(results: Results) -> Figure:
    """An image of each class by each model at each data set's main budget; last those that are told no class."""
    found = []
    for task in main_tasks(results):
        groups = sorted(trained(results, task).items(), key=lambda item: not is_conditional(item[1]))  # a stable sort
        for i, (model, records) in enumerate(groups):
            found += rows("" if i else task, model, records, names_of(results, task), 1)
    return sheet(found)


def of_model(results: Results, model: str) -> Figure:
    """The strip of a model at each data set's main budget."""
    found = []
    for task in main_tasks(results):
        found += rows(task, "", trained(results, task).get(model, []), names_of(results, task), 2)
    return sheet(found)


def names_of(results: Results, task: str) -> list[str]:
    """The classes of a task's data."""
    return list(real(results, task)["looks"])


def sheet(found: list[Row]) -> Figure:
    """Rows one below the other, their images all of one size."""
    margin = MARGIN if any(row.model for row in found) else GAP_ABOVE
    step = (INCHES - margin) / COLUMNS
    above = [GAP_ABOVE + CLASSES * bool(row.classes) + TITLE * bool(row.title) for row in found]
    heights = [step * row.picture.shape[0] / (row.picture.shape[0] + GAP) for row in found]
    top = total = sum(above) + sum(heights) or 1.0
    figure = Figure(figsize=(INCHES, total))
    FigureCanvasAgg(figure)
    for row, space, height in zip(found, above, heights, strict=True):
        top -= space + height
        put(figure.add_axes((margin / INCHES, top / total, 1 - margin / INCHES, height / total)), row)
    return figure


def put(panel: Axes, row: Row) -> None:
    """Draws a row, its classes and its model where an axis has its numbers."""
    side = row.picture.shape[0]
    show(panel, row.picture)
    panel.set_axis_on()
    panel.set_aspect("auto")
    panel.set_xlim(0, COLUMNS * (side + GAP))
    panel.xaxis.tick_top()
    panel.set_xticks([i * (side + GAP) + side / 2 for i in range(len(row.classes))], row.classes, fontsize=8)
    panel.set_yticks([side / 2] if row.model else [], [row.model] if row.model else [])
    panel.tick_params(length=0, pad=1)
    panel.spines[:].set_visible(False)
    panel.set_title(row.title, loc="left", fontsize=10)
