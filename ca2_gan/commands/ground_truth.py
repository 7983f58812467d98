"""``ca2-gan ground-truth``."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ca2_core.arguments import Parser, at_least, seed
from ca2_core.tables import Table
from ca2_gan.drawing import render, write
from ca2_gan.folders import make_folder
from ca2_gan.metrics.evaluate import check_device
from ca2_gan.metrics.ground_truth import FALSE_ALARMS, Factor, GroundTruth, ground_truth
from ca2_gan.metrics.samples import open_source
from ca2_gan.versions import versions

DESCRIPTION = """Compares a generator of letters with the procedure that draws glyphs. Since that draws any number of glyphs with known
slant, width, pen and bend, the comparison shows which of them the generator makes, how often, and whether it copies. Writes
ground-truth.png and ground-truth.json.
"""
COLUMNS = 5
FRESH_COLOR, OWN_COLOR = "0.6", "tab:blue"


def main(argv: list[str]) -> None:
    """``ca2-gan ground-truth``."""
    arguments = make_parser().parse_args(argv)
    check_device(arguments.device)
    source = replace(open_source(arguments.x, arguments.device), name=str(arguments.x))
    make_folder(arguments.out)
    found = ground_truth(source, arguments.n, arguments.seed)
    content = {"command": shlex.join(["ca2-gan", *sys.argv[1:]]), "versions": versions(), "name": source.name} | numbers(found)
    print_report(content)
    write(arguments.out / "ground-truth.json", json.dumps(content, indent=2) + "\n")
    write(arguments.out / "ground-truth.png", render(draw(found, source.name)))
    print(f"Written to {arguments.out}: ground-truth.png and ground-truth.json")


def make_parser() -> Parser:
    parser = Parser(prog="ca2-gan ground-truth", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("x", metavar="X", help="a run, a saved model, letters_gan/glyphs, a folder of PNGs, or an .npz with x: 28x28, gray")
    parser.add_argument("--n", type=at_least(100), default=2_000, help="images on each side (2000)")
    parser.add_argument("--seed", type=seed, default=0, help="seed of the samples (0)")
    parser.add_argument("--device", default="cpu", help="device of the generator (cpu)")
    parser.add_argument("-o", "--out", type=Path, default=Path("ground-truth"), metavar="FOLDER", help="folder to write to (ground-truth)")
    return parser


def numbers(found: GroundTruth) -> dict[str, Any]:
    """All numbers, ready for JSON."""
    factors = {
        factor.name: {
            "r2": factor.r2,
            "difference": factor.difference,
            "difference_floor": factor.floor,
            "recall": {group.name: float(group.recall.mean()) for group in factor.recall},
            "recall_floor": {group.name: float(group.recall.mean()) for group in factor.recall_floor},
        }
        for factor in found.factors
    }
    copies = {"share": found.copies.share, "false_alarms": FALSE_ALARMS, "threshold": found.copies.threshold, "p": found.copies.p_value}
    return {"n": found.n, "fcd": found.fcd, "fcd_floor": list(found.floor), "factors": factors, "copies": copies}


def print_report(content: dict[str, Any]) -> None:
    """Prints the numbers in words and a table."""
    floor, copies = np.array(content["fcd_floor"]), content["copies"]
    of_fresh = f"{floor.mean():.1f} ± {floor.std(ddof=1):.1f}"
    print(f"{content['n']:,} images on each side. FCD to fresh glyphs: {content['fcd']:.1f}; floor: {of_fresh}")
    rows = []
    for name, it in content["factors"].items():
        least = min(it["recall"], key=it["recall"].get)
        shares = [f"{it[key]:.3f}" for key in ("difference", "difference_floor")]
        recalls = [f"{it['recall'][least]:.2f}", f"{it['recall_floor'][least]:.2f}"]
        rows.append([name, f"{it['r2']:.2f}", *shares, least, *recalls])
    header = ["factor", "inferred, R²", "difference", "floor", "least recall at", "recall", "floor"]
    Table(header, rows, "Factors of the letters: do their values occur as often as in fresh glyphs, and are all covered?").print()
    verdict = f"{'more than new images would have' if copies['p'] < 0.01 else 'no more than chance'} (p = {copies['p']:.2g})"
    print(f"Taken for copies of training images: {copies['share']:.1%} of samples, of new images {copies['false_alarms']:.0%}: {verdict}")


def draw(found: GroundTruth, name: str) -> Figure:
    """For each factor, a histogram of its values and, below it, the recall of each range of values."""
    rows = -(-len(found.factors) // COLUMNS)
    figure = Figure(figsize=(2.5 * COLUMNS, 3.3 * rows), layout="constrained")
    panels = figure.subplots(2 * rows, COLUMNS, squeeze=False, height_ratios=[1.5, 1] * rows)
    for i, factor in enumerate(found.factors):
        row, column = divmod(i, COLUMNS)
        draw_density(panels[2 * row, column], factor)
        draw_recall(panels[2 * row + 1, column], factor, is_first=column == 0)
    figure.suptitle(f"{name}: factors of the letters, as inferred from the images; below, recall of fresh glyphs", fontsize=11)
    handles = [panels[0, 0].patches[0], panels[0, 0].lines[0]]
    figure.legend(handles, ["fresh glyphs", name], loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_density(panel: Axes, factor: Factor) -> None:
    both = np.concatenate([factor.real, factor.fake])
    low, high = np.quantile(both, [0.002, 0.998])
    edges = np.linspace(low, high, 31)
    panel.hist(factor.real, bins=edges.tolist(), color=FRESH_COLOR, alpha=0.6, density=True, histtype="stepfilled")
    heights, _ = np.histogram(factor.fake, bins=edges, density=True)
    panel.plot((edges[:-1] + edges[1:]) / 2, heights, color=OWN_COLOR)
    panel.set_title(f"{factor.name}: {factor.difference:.2f} apart ({factor.floor:.2f})", fontsize=9)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.set_yticks([])


def draw_recall(panel: Axes, factor: Factor, *, is_first: bool) -> None:
    positions = np.arange(len(factor.recall))
    panel.plot(positions, [group.recall.mean() for group in factor.recall_floor], "o-", color=FRESH_COLOR, markersize=4)
    panel.plot(positions, [group.recall.mean() for group in factor.recall], "o-", color=OWN_COLOR, markersize=4)
    panel.set_ylim(0, 1.05)
    names = [group.name for group in factor.recall]
    panel.set_xticks(positions, names if len(names) < 3 else ["least", *[""] * (len(names) - 2), "most"], fontsize=8)
    panel.set_xlim(-0.4, len(positions) - 0.6)
    panel.spines[["top", "right"]].set_visible(False)
    if is_first:
        panel.set_ylabel("recall")
    else:
        panel.set_yticklabels([])
