"""What the figures of the studies have in common. Colours that colour-blind readers can tell apart (Okabe & Ito 2008)."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#B8A800")
LINE_STYLES = ("-", "--", ":")
MARKERS = "osD^vPX*<>"


def panels(heights: Sequence[float], width: float) -> tuple[Figure, list[Axes]]:
    """Panels one below the other, without boxes; an empty one for none.

    :param heights: of each, in inches
    """
    heights = heights or [1.0]
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    axes = list(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def plain_log(axis: Axis, ticks: tuple[float, ...] = (1.0, 2.0, 5.0)) -> None:
    """Plain numbers instead of powers of ten on a logarithmic axis.

    :param ticks: where, from 1 to 10, and likewise in every decade
    """
    axis.set_major_locator(LogLocator(10, subs=ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def style(i: int) -> dict[str, Any]:
    """Colour, line style and marker of the i-th line."""
    return {
        "color": COLORS[i % len(COLORS)],
        "linestyle": LINE_STYLES[i // len(COLORS) % len(LINE_STYLES)],
        "marker": MARKERS[i % len(MARKERS)],
        "markersize": 5,
    }
