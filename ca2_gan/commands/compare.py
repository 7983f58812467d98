"""``ca2-gan compare``: curves and samples of several runs on one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ca2_core.arguments import Parser
from ca2_core.errors import UserError
from ca2_gan.drawing import render, write
from ca2_gan.gan import GAN
from ca2_gan.model_files import CONFIG
from ca2_gan.page import Section, image, page, paragraph, side_by_side, table
from ca2_gan.training.config import Config, read_run
from ca2_gan.training.records import METRICS, SAMPLES, read_metrics

# Key in metrics.jsonl, title, whether only positive numbers make sense (log axis)
PANELS = (
    ("d_loss", "Discriminator loss", False),
    ("g_loss", "Generator loss", False),
    ("fid", "FID", True),
    ("fcd", "FCD", True),
    ("kl_class", "KL over the classes [nats]", True),
    ("kl_pixel", "KL over the pixel values [nats]", True),
)
COLUMNS = 2
# Sample grids on the page that show a run's progress
STAGES = 5


@dataclass(frozen=True)
class Run:
    """A run folder that has logged something.

    :param label: its name on the page
    :param rows: the lines of ``metrics.jsonl``
    :param samples: the sample grids, earliest first
    :param classes: classes of the grids' rows, from top to bottom; empty for an unconditional model
    """

    folder: Path
    label: str
    config: Config
    rows: list[dict[str, Any]]
    samples: list[Path]
    classes: tuple[str, ...]

    def curve(self, key: str) -> list[tuple[int, float]]:
        """Points (images shown so far, value) of a logged number; values that were not finite are left out."""
        return [(row["images"], row[key]) for row in self.rows if row.get(key) is not None]


def find_runs(paths: Sequence[Path]) -> list[Run]:
    """The runs in the given folders. A folder that is no run stands for the runs directly inside it, such as those of ``--per-class``.

    :raises UserError: if there is none, or one has not logged anything yet
    """
    folders: list[Path] = []
    for path in paths:
        if not path.is_dir():
            raise UserError(f"{path}: no such folder. `ca2-gan train --out FOLDER` makes one.")
        found = [path] if (path / METRICS).is_file() else sorted(log.parent for log in path.glob(f"*/{METRICS}"))
        if not found:
            raise UserError(f"{path}: no run of `ca2-gan train` in it (no {METRICS}).")
        folders += [folder for folder in found if folder not in folders]
    names = [folder.name or str(folder.resolve().name) for folder in folders]
    return [_read(folder, name if names.count(name) == 1 else str(folder)) for folder, name in zip(folders, names, strict=True)]


def _read(folder: Path, label: str) -> Run:
    rows = read_metrics(folder)
    if not rows:
        raise UserError(f"{folder}: nothing logged in {METRICS} yet. Let it train a little longer.")
    samples = sorted((folder / SAMPLES).glob("*.png"))
    gan = GAN.from_pretrained(folder) if (folder / CONFIG).is_file() else None
    return Run(folder, label, read_run(folder)[0], rows, samples, gan.class_names if gan and gan.is_conditional else ())


def draw_curves(runs: Sequence[Run]) -> Figure:
    """One panel for each number that any run has logged, over images, with one colour for each run."""
    panels = [panel for panel in PANELS if any(run.curve(panel[0]) for run in runs)]
    rows = max(1, -(-len(panels) // COLUMNS))
    figure = Figure(figsize=(10, 3 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False)
    colors = mpl.colormaps["tab10" if len(runs) <= 10 else "tab20"]
    for panel, (key, title, is_positive) in zip(axes.flat, panels, strict=False):
        for i, run in enumerate(runs):
            points = np.array(run.curve(key)).reshape(-1, 2).T
            marker = "." if points.shape[1] < 40 else None
            panel.plot(*points, color=colors(i % colors.N), marker=marker, label=run.label, linewidth=1.4)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("images")
        panel.grid(alpha=0.25)
        if is_positive and all(value > 0 for run in runs for _, value in run.curve(key)):
            panel.set_yscale("log")
    for panel in list(axes.flat)[len(panels) :]:
        panel.set_axis_off()
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def make_page(runs: Sequence[Run]) -> str:
    """One HTML document with the numbers, the curves and the samples."""
    headings = {key: title.partition(" [")[0] for key, title, _ in PANELS if any(run.curve(key) for run in runs)}
    headings |= {"images_per_s": "images/s"}
    header = ["run", "model", "data", "seed", "images", *headings.values()]
    rows = []
    for run in runs:
        settings = [run.config.model.name, run.config.data.source, str(run.config.run.seed)]
        last = [f"{curve[-1][1]:.4g}" if (curve := run.curve(key)) else "-" for key in headings]
        rows.append([run.label, *settings, f"{max(row['images'] for row in run.rows):,}", *last])
    sections = [
        Section("Latest values", table(header, rows) + paragraph("The last number that each run has logged.")),
        Section("Curves", image(render(draw_curves(runs)), "curves over images")),
        Section("Samples", side_by_side([_last_grid(run) for run in runs])),
    ]
    for run in runs:
        if len(run.samples) > 1:  # a few grids, evenly over the training, the last among them
            stages = np.linspace(0, len(run.samples) - 1, min(STAGES, len(run.samples))).round().astype(int)
            grids = side_by_side([_grid(run.samples[stage]) for stage in stages])
            sections.append(Section(f"{run.label}, from the beginning to now", grids))
    return page(f"{len(runs)} run{'s' if len(runs) > 1 else ''}: {', '.join(run.label for run in runs)}", sections)


def _last_grid(run: Run) -> str:
    if not run.samples:
        return paragraph(f"{run.label}: no samples yet.")
    return _grid(run.samples[-1], f"{run.label}, ", f"; rows: {' '.join(run.classes)}" if run.classes else "")


def _grid(path: Path, before: str = "", after: str = "") -> str:
    images = f"{int(path.stem):,} images" if path.stem.isdecimal() else path.stem
    caption = before + images + after
    return image(path.read_bytes(), f"samples of {caption}", caption, pixels=True)


def main(argv: list[str]) -> None:
    """``ca2-gan compare``."""
    parser = Parser(
        prog="ca2-gan compare",
        description="Writes one self-contained HTML page about several runs: curves of their losses and, where they were evaluated, FID, "
        "FCD and KL over images, and their samples side by side.",
    )
    where = "run folders of `ca2-gan train`, or folders that contain run folders"
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help=where)
    parser.add_argument("-o", "--out", type=Path, default="compare.html", metavar="FILE", help="page to write (default: compare.html)")
    arguments = parser.parse_args(argv)
    if arguments.out.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{arguments.out}: the page's name has to end in .html.")
    runs = find_runs(arguments.runs)
    write(arguments.out, make_page(runs))
    print(f"Written to {arguments.out}: {len(runs)} run{'s' if len(runs) > 1 else ''}")
