"""``ca2-rl plot``: draws gradient norm, loss, mean Q-value and return over the training."""

import colorsys
from collections import defaultdict
from pathlib import Path
from typing import Literal

import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ca2_core.arguments import Parser
from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_rl.common.diagnostics import COLUMNS
from ca2_rl.runs import Run, find_runs, usable

STEPS = "time/total_timesteps"
# Title, columns in order of preference, colour
PANELS = (
    ("Gradient norm", COLUMNS["gradient_norm"], "tab:blue"),
    ("Loss", COLUMNS["loss"], "tab:red"),
    ("Mean Q-value", COLUMNS["mean_q"], "tab:green"),
    ("Episode return", COLUMNS["return"], "#e0a800"),
)
LINE_STYLES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
POINTS = 200
# Share of a training over which returns are averaged: those of single episodes depend on their initial states more than on the agent
SMOOTHING = 0.05
LENGTH = "rollout/ep_len_mean"


def read_curves(run: Run) -> pd.DataFrame:
    """The log of a training, with one row for each dump of SB3's logger.

    :raises UserError: if there is no log, or it is empty or damaged
    """
    path = run.folder / "progress.csv"
    try:
        curves = pd.read_csv(path)
    except FileNotFoundError as error:
        raise UserError(f"{run.folder}: no progress.csv. `ca2-rl train` writes it; `rl_zoo3` does not.") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: empty or damaged ({error}).") from error
    if STEPS not in curves:
        raise UserError(f"{path}: not a log of SB3: it has no column {STEPS!r}.")
    texts = [name for name, column in curves.items() if column.dtype.kind not in "iufb"]
    if texts:
        raise UserError(f"{path}: damaged: text where numbers should be, in {', '.join(map(str, texts))}.")
    return curves


def plot_runs(runs: list[Run]) -> Figure:
    """Draws the four panels. Runs of one algorithm share a shade and a line style; several become their mean and a band around it.

    :raises UserError: if a run has no log
    """
    groups: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for run in runs:
        groups[f"{run.algo}, {run.env_id}"].append(read_curves(run))
    figure, axes = plt.subplots(2, 2, figsize=(10, 6.4), layout="constrained", sharex=True)
    for panel, (title, columns, color) in zip(axes.flat, PANELS, strict=True):
        panel.set_title(title)
        panel.grid(alpha=0.25)
        for i, curves in enumerate(groups.values()):
            lightness = 1.0 if len(groups) == 1 else 0.6 + 0.8 * i / (len(groups) - 1)
            smoothing = SMOOTHING if columns == COLUMNS["return"] else 0.0
            _plot_group(panel, curves, columns, smoothing, shade(color, lightness), LINE_STYLES[i % len(LINE_STYLES)])
        if not panel.lines:
            panel.text(0.5, 0.5, "not logged by this algorithm", ha="center", va="center", transform=panel.transAxes, color="0.5")
    if length := _episode_steps([curves for group in groups.values() for curves in group]):
        axes[1, 1].set_title(f"Return of {length:,}-step training episodes")
    for panel in axes[1]:
        panel.set_xlabel("Env steps")
    handles = [Line2D([], [], color="0.3", linestyle=LINE_STYLES[i % len(LINE_STYLES)]) for i in range(len(groups))]
    labels = [name + (f" ({len(curves)} runs)" if len(curves) > 1 else "") for name, curves in groups.items()]
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _episode_steps(logs: list[pd.DataFrame]) -> int | None:
    """Length of the training episodes in steps, if all have the same length, for example because of a time limit; otherwise None."""
    lengths = {float(length) for curves in logs for length in curves.get(LENGTH, pd.Series(dtype=float)).dropna().unique()}
    return int(lengths.pop()) if len(lengths) == 1 and all(LENGTH in curves for curves in logs) else None


def _plot_group(panel: Axes, group: list[pd.DataFrame], columns: tuple[str, ...], smoothing: float, color: str, style: str) -> None:
    lines = []
    for curves in group:
        column = next((name for name in columns if name in curves and curves[name].notna().any()), None)
        if column is not None:
            logged = curves.groupby(STEPS)[column].mean().dropna()  # an evaluation adds a row at the same step
            smooth = logged.rolling(max(1, round(smoothing * len(logged))), min_periods=1).mean()
            lines.append((smooth.index.to_numpy(), smooth.to_numpy()))
    # The mean is drawn over the steps that all runs cover
    first, last = max((steps[0] for steps, _ in lines), default=0), min((steps[-1] for steps, _ in lines), default=0)
    if len(lines) > 1 and first <= last:
        grid = np.linspace(first, last, POINTS)
        values = np.stack([np.interp(grid, *line) for line in lines])
        panel.fill_between(grid, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0)
        lines = [(grid, values.mean(axis=0))]
    for line in lines:
        panel.plot(*line, color=color, linestyle=style, linewidth=1.8)


def shade(color: str, lightness: float) -> str:
    """The same hue, darker (``lightness`` below 1) or lighter (above 1)."""
    hue, value, saturation = colorsys.rgb_to_hls(*matplotlib.colors.to_rgb(color))
    return matplotlib.colors.to_hex(colorsys.hls_to_rgb(hue, min(value * lightness, 0.85), saturation))


def main(argv: list[str]) -> None:
    """``ca2-rl plot``."""
    parser = Parser(
        prog="ca2-rl plot",
        description="Draws the gradient norm (blue), the loss (red), the mean Q-value (green) and the episode return (yellow), "
        "each averaged over the logging interval, over the training of one or several runs; the return is a moving average over "
        f"{SMOOTHING:.0%} of the training. Several runs of an agent are shown by their mean and the range between the lowest and highest.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folders of `ca2-rl train`, or folders that contain them")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("curves.png"), help="image to write: .png, .svg or .pdf (default: curves.png)"
    )
    arguments = parser.parse_args(argv)
    matplotlib.use("agg")
    save_figure(plot_runs(usable(find_runs(arguments.runs), read_curves)), arguments.out)
    print(f"Written to {arguments.out}")


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure, and closes it. The suffix of the path decides the format.

    :raises UserError: if matplotlib does not know the format
    """
    formats = figure.canvas.get_supported_filetypes()
    if path.suffix[1:] not in formats:
        known = ", ".join(f".{name}" for name in sorted(formats))
        raise UserError(f"{path}: no image format {path.suffix!r}. Give a name that ends in {known}.")
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=130)
    plt.close(figure)
