"""Figures of a study, in colours that colour-blind readers can tell apart (Okabe & Ito 2008)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter, MaxNLocator
from numpy.typing import NDArray

from ca2_core.files import whole_file
from ca2_core.statistics import iqm, iqm_interval, performance_profile
from ca2_core.study.cases import Measure
from ca2_core.study.results import Records, succeeded

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#B8A800")
LINE_STYLES = ("-", "--", ":")
# Most lines that have a band and a label at their end; more get neither, but a legend
MOST_BANDS = 8
# Characters of a label on one line
LINE_LENGTH = 26

Array = NDArray[np.float64]


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG, atomically."""
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=130)


def plain_figure(width: float = 7.2, height: float = 4.4) -> tuple[Figure, Axes]:
    """A figure with one panel, without a box. It does not use pyplot: no window, no global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    tidy(panel)
    return figure, panel


def tidy(panel: Axes) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25, linewidth=0.6)


def legend(figure: Figure) -> None:
    """Adds a legend next to the panel, with long labels wrapped."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, [fill(label, LINE_LENGTH) for label in labels], loc="outside right upper", frameon=False)


def label_lines(panel: Axes) -> None:
    """Writes each line's label at its right end, in its colour, the labels moved apart where they would overlap.

    Call it last: it needs the final scales of the axes.
    """
    lines = [line for line in panel.get_lines() if not str(line.get_label()).startswith("_") and np.size(line.get_xydata())]
    figure = panel.get_figure()
    assert isinstance(figure, Figure)
    ends = [np.asarray(line.get_xydata(), dtype=np.float64)[-1] for line in lines]
    labels = [
        panel.annotate(
            fill(str(line.get_label()), LINE_LENGTH),
            (float(x), float(y)),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=line.get_color(),
            annotation_clip=False,
        )
        for line, (x, y) in zip(lines, ends, strict=True)
    ]
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in labels]
    order = sorted(range(len(labels)), key=lambda i: boxes[i].y0 + boxes[i].y1)
    centers = spread([(boxes[i].y0 + boxes[i].y1) / 2 for i in order], [boxes[i].height for i in order], panel.bbox.y0)
    for i, center in zip(order, centers, strict=True):
        moved = (center - (boxes[i].y0 + boxes[i].y1) / 2) * 72 / figure.dpi
        labels[i].set_position((6, moved))


def spread(centers: Sequence[float], heights: Sequence[float], low: float = -np.inf) -> list[float]:
    """Moves intervals apart, as little as possible: touching ones form blocks, each about the mean of what its members asked for.

    :param centers: where each should be, ascending
    :param heights: length of each
    :param low: none begins below
    :return: centers of the same intervals, in the same order, none overlapping
    """
    blocks: list[tuple[float, list[int]]] = []  # middle and members
    for i, center in enumerate(centers):
        block = (center, [i])
        while blocks:
            middle, members = blocks[-1]
            reach = sum(heights[j] for j in members) / 2
            if middle + reach <= block[0] - sum(heights[j] for j in block[1]) / 2:
                break
            blocks.pop()
            block = (_middle(centers, heights, members + block[1]), members + block[1])
        blocks.append(block)
    found = []
    for middle, members in blocks:
        low = max(low, middle - sum(heights[j] for j in members) / 2)
        for j in members:
            found.append(low + heights[j] / 2)
            low += heights[j]
    return found


def _middle(centers: Sequence[float], heights: Sequence[float], members: Sequence[int]) -> float:
    """Middle of a block of touching intervals whose members are on average where they should be."""
    below, middles = 0.0, []
    for j in members:
        middles.append(centers[j] - below - heights[j] / 2)
        below += heights[j]
    return float(np.mean(middles)) + below / 2


def over(panel: Axes, axis: str) -> None:
    """Labels the horizontal axis with what it counts, such as steps."""
    panel.xaxis.set_major_locator(MaxNLocator(5))  # more numbers of this length would overlap
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    panel.set_xlabel(axis.capitalize())


def plain_log(axis: Axis) -> None:
    """Labels a logarithmic axis with plain numbers instead of powers of ten, and between the powers if the axis spans few of them."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(LogFormatter())


def style(i: int) -> dict[str, Any]:
    """Colour and line style of the i-th line."""
    return {"color": COLORS[i % len(COLORS)], "linestyle": LINE_STYLES[i // len(COLORS) % len(LINE_STYLES)]}


def band(curves: Sequence[Array]) -> tuple[Array, Array, Array]:
    """Interquartile mean over the seeds at each point, and the bounds of its 95 % interval.

    :param curves: one per seed, [points] each
    """
    columns = np.stack(curves).T
    middle = np.array([iqm(column) for column in columns])
    bounds = [(np.isfinite(value) and iqm_interval(column)) or (value, value) for column, value in zip(columns, middle, strict=True)]
    return middle, np.array([low for low, _ in bounds]), np.array([high for _, high in bounds])


def learning_curves(groups: Mapping[str, Records], measure: Measure) -> Figure:
    """Plots the measure over its axis: interquartile mean over the seeds, with its interval unless there are many groups.

    A measure where lower is better, such as a regret, has a logarithmic axis.
    """
    figure, panel = plain_figure()
    least = 1e-2 if measure.lower_is_better else -np.inf
    for i, (label, records) in enumerate(groups.items()):
        curves = [curve for record in succeeded(records) if (curve := record.get("curve", {})).get(measure.axis)]
        if not curves:
            continue
        longest = max(len(curve[measure.axis]) for curve in curves)
        curves = [curve for curve in curves if len(curve[measure.axis]) == longest]
        where = np.mean([curve[measure.axis] for curve in curves], axis=0)
        middle, low, high = band([np.maximum(np.array(curve[measure.name], dtype=np.float64), least) for curve in curves])
        panel.plot(where, middle, label=label, linewidth=1.8, **style(i))
        if len(groups) <= MOST_BANDS:
            panel.fill_between(where, low, high, color=style(i)["color"], alpha=0.15, linewidth=0)
    for threshold in measure.thresholds:
        panel.axhline(threshold, color="0.4", linewidth=0.8)
        panel.annotate(
            f"{measure.name} {threshold:g}",
            (0.0, threshold),
            xycoords=("axes fraction", "data"),
            xytext=(3, 3),
            textcoords="offset points",
            color="0.3",
        )
    if measure.lower_is_better:
        panel.set_yscale("log")
        plain_log(panel.yaxis)
    over(panel, measure.axis)
    panel.set_ylabel(measure.name.capitalize())
    if len(groups) <= MOST_BANDS:
        label_lines(panel)
    else:
        legend(figure)
    return figure


def profile(groups: Mapping[str, Records], measure: Measure) -> Figure:
    """Plots performance profiles: the share of episodes whose score is at least as good as each threshold, over all seeds.

    Each record gives its episodes' scores as the percentiles ``MEASURE_percentiles``.
    """
    figure, panel = plain_figure()
    name = f"{measure.name}_percentiles"
    drawn = {label: [record[name] for record in succeeded(records) if name in record] for label, records in groups.items()}
    drawn = {label: percentiles for label, percentiles in drawn.items() if percentiles}
    everything = np.concatenate([np.ravel(percentiles) for percentiles in drawn.values()]) if drawn else np.array([1.0])
    if measure.lower_is_better:
        thresholds = np.geomspace(0.1, max(everything.max(), 1.0), 200)
    else:
        thresholds = np.linspace(everything.min(), everything.max() + 1e-9, 200)
    for i, (label, percentiles) in enumerate(drawn.items()):
        sign = 1 if measure.lower_is_better else -1
        shares = performance_profile(sign * np.array(percentiles), sign * thresholds)
        panel.plot(thresholds, 100 * shares.share, label=label, linewidth=1.8, **style(i))
        panel.fill_between(thresholds, 100 * shares.low, 100 * shares.high, color=style(i)["color"], alpha=0.15, linewidth=0)
    if measure.lower_is_better:
        panel.set_xscale("log")
        plain_log(panel.xaxis)
    panel.set_xlim(thresholds[0], thresholds[-1])
    panel.set_ylim(0, 101)
    panel.set_xlabel(f"{measure.name.capitalize()} of an episode, at {'most' if measure.lower_is_better else 'least'}")
    panel.set_ylabel("Episodes [%]")
    legend(figure)
    return figure
