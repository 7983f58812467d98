"""Which metric notices what: real images corrupted step by step, compared with other real images.

    python scripts/metric_sensitivity.py --data mnist
    python scripts/metric_sensitivity.py --draw

Writes docs/gan/sensitivity.json and three figures: metric-corruptions.png, metric-sensitivity.png (from which step on a metric notices a
corruption) and metric-numbers.png (from how many images on). Forty minutes of one core, most of them for CAS and FLD, which are taken at
two steps only. ``--draw`` makes the figures anew of the numbers that are there.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from corruptions import CORRUPTIONS, NOTICED, STEPS, UNTOUCHED, Sweep, moved
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from publishing import DOCS, IMAGES, origin, parser, read, save
from tqdm import tqdm

from ca2_gan.data import load_data
from ca2_gan.drawing import grid, render, show, write

NUMBERS = DOCS / "gan" / "sensitivity.json"
QUICK = ("fcd", "kcd", "mind", "intra", "kl", "prdc", "isc", "diversity", "acc", "memorised")
# CAS trains a classifier each time, FLD fits a mixture
SLOW, SLOW_STEPS, SLOW_UNTOUCHED = ("cas", "fld"), (0.25, 1.0), 4
# Numbers of images, and the step at which they are compared
FEWER, FEWER_STEP = (100, 250, 500, 1000), 0.25
SHOWN = 8


def measure(sweep: Sweep, strengths: Sequence[float], untouched: int) -> dict[str, list[dict[str, Any]]]:
    """Scores of untouched and of corrupted images."""
    plain = tqdm(sweep.untouched(untouched), total=untouched, desc="untouched")
    corrupted = tqdm(sweep.run(strengths), total=len(CORRUPTIONS) * len(strengths), desc="corrupted")
    return {
        "untouched": [_known(scores) for scores in plain],
        "runs": [run | {"scores": _known(run["scores"])} for run in corrupted],
    }


def _known(scores: dict[str, float]) -> dict[str, float | None]:
    return {key: None if math.isnan(value) else value for key, value in scores.items()}


def draw(content: dict[str, Any]) -> Figure:
    """For each metric and corruption, the weakest step from which on it is noticed."""
    columns, steps = content["columns"], sorted({run["strength"] for run in content["runs"]})
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for key in columns:
        untouched = [scores[key] for scores in content["untouched"] if key in scores]
        for name in CORRUPTIONS:
            runs = [run for run in content["runs"] if run["corruption"] == name and key in run["scores"]]
            for run in sorted(runs, key=lambda run: -run["strength"]):  # from the strongest on, as far as it is noticed
                way = noticed(run["scores"][key], untouched, content["n"])
                if not way:
                    break
                step = run["strength"]
                first[key, name] = steps.index(step), f"{way} from {step:.0%}"
    return chart(columns, first, len(steps))


def draw_numbers(content: dict[str, Any]) -> Figure:
    """For each metric and corruption, the fewest images that notice it at one step."""
    at_step = [run for run in content["runs"] if run["strength"] == FEWER_STEP]
    sweeps = content["fewer"] | {str(content["n"]): {"untouched": content["untouched"], "runs": at_step}}
    sizes, first = sorted(map(int, sweeps)), dict[tuple[str, str], tuple[int, str]]()
    for key in content["columns"]:
        for n in reversed(sizes):
            untouched = [scores[key] for scores in sweeps[str(n)]["untouched"] if key in scores]
            for run in sweeps[str(n)]["runs"]:
                name, is_first_look = run["corruption"], n == sizes[-1]
                if key not in run["scores"] or not (is_first_look or first.get((key, name), (0,))[0] == sizes.index(n) + 1):
                    continue
                if way := noticed(run["scores"][key], untouched, n):
                    first[key, name] = sizes.index(n), f"{way} {n:,}"
    return chart(content["columns"], first, len(sizes))


def noticed(score: float | None, untouched: Sequence[float], n: int) -> str:
    """Which way a number has gone that has left those of untouched images; empty if it has not."""
    deviation = moved(math.nan if score is None else score, untouched, n)
    return "" if abs(deviation) <= NOTICED else "–" if score is None else "↑" if deviation > 0 else "↓"


def chart(columns: dict[str, str], cells: dict[tuple[str, str], tuple[int, str]], shades: int) -> Figure:
    """Metrics over corruptions.

    :param columns: headings by key
    :param cells: shade, 0 the darkest, and text by key and corruption; nothing for an empty cell
    """
    figure = Figure(figsize=(1.8 + 1.02 * len(CORRUPTIONS), 0.34 * len(columns) + 1.3), layout="constrained")
    panel, table = figure.subplots(), np.full((len(columns), len(CORRUPTIONS)), shades)
    for i, key in enumerate(columns):
        for j, name in enumerate(CORRUPTIONS):
            if (key, name) in cells:
                table[i, j], text = cells[key, name]
                panel.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if table[i, j] < 3 else "black")
    colors = [(0.10 + 0.13 * i, 0.36 + 0.095 * i, 0.55 + 0.065 * i) for i in range(shades)]
    panel.imshow(table, cmap=ListedColormap([*colors, (1, 1, 1)]), vmin=0, vmax=shades, aspect="auto")
    panel.set_xticks(range(len(CORRUPTIONS)), [name.replace(" ", "\n", 1) for name in CORRUPTIONS], fontsize=8.5)
    panel.set_yticks(range(len(columns)), columns.values(), fontsize=9)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.set_xticks(np.arange(len(CORRUPTIONS) + 1) - 0.5, minor=True)
    panel.set_yticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    panel.grid(which="minor", color="0.85", linewidth=0.8)
    panel.tick_params(which="minor", length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)
    return figure


def draw_examples(sweep: Sweep) -> Figure:
    """A few images of every corruption at every step."""
    figure = Figure(figsize=(8.4, 8.8), layout="constrained")
    for panel, name in zip(figure.subplots(4, 3).flat, CORRUPTIONS, strict=True):
        rows = [sweep.corrupt(name, step).images[:SHOWN] for step in STEPS]
        show(panel, grid(np.concatenate(rows), SHOWN))
        panel.set_title(name, fontsize=9)
    figure.suptitle(f"From above to below: {', '.join(f'{step:.0%}' for step in STEPS)}", fontsize=9)
    return figure


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", default="mnist", help="as for ca2-gan evaluate (default: mnist)")
    options.add_argument("--n", type=int, default=2000, help="images on each side (default: 2000)")
    options.add_argument("--draw", action="store_true", help="draw the numbers that are there, measure nothing")
    arguments = options.parse_args()
    if not arguments.draw:
        data, name = load_data(arguments.data), Path(arguments.data).name
        sweep = Sweep(QUICK, data.train, data.test, arguments.n)
        write(IMAGES / "metric-corruptions.png", render(draw_examples(sweep)))
        content = origin(("torch", "numpy", "scipy"))
        content |= {
            "command": content["command"].replace(arguments.data, name),
            "data": name,
            "n": sweep.n,
            "seed": sweep.seed,
            "extractor": {"fingerprint": sweep.suite.extractors["classifier"].fingerprint, "held_out_accuracy": sweep.suite.accuracy},
            "noticed": NOTICED,
            "columns": {},
            "untouched": [],
            "runs": [],
        }
        for names, strengths, untouched in ((QUICK, STEPS, UNTOUCHED), (SLOW, SLOW_STEPS, SLOW_UNTOUCHED)):
            sweep = Sweep(names, data.train, data.test, arguments.n)
            content["columns"] |= {key: column.heading for key, column in sweep.suite.columns.items()}
            for key, found in measure(sweep, strengths, untouched).items():
                content[key] += found
            save(content, NUMBERS)
        content["fewer"] = {}
        for n in FEWER:
            content["fewer"][str(n)] = measure(Sweep(QUICK, data.train, data.test, n), [FEWER_STEP], UNTOUCHED)
            save(content, NUMBERS)
    content = read(NUMBERS)
    write(IMAGES / "metric-sensitivity.png", render(draw(content)))
    write(IMAGES / "metric-numbers.png", render(draw_numbers(content)))


if __name__ == "__main__":
    main()
