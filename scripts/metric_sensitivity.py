"""Which metric notices what: real images corrupted step by step, compared with other real images.

    python scripts/metric_sensitivity.py --data mnist
    python scripts/metric_sensitivity.py --draw

Writes docs/gan/sensitivity.json and docs/images/metric-sensitivity.png. Ten minutes of one core, half of them for
CAS, which is taken at two steps only. ``--draw`` makes the figure anew of the numbers that are there.
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

from ca2_gan.data import load
from ca2_gan.drawing import grid, render, show, write

NUMBERS = DOCS / "gan" / "sensitivity.json"
QUICK = ("fcd", "kcd", "intra", "kl", "prdc", "acc", "memorised")
# CAS trains a classifier each time
SLOW, SLOW_STEPS, SLOW_UNTOUCHED = ("cas",), (0.25, 1.0), 4
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
    first, ways = np.full((len(columns), len(CORRUPTIONS)), len(steps)), {}
    for i, key in enumerate(columns):
        untouched = [scores[key] for scores in content["untouched"] if key in scores]
        for j, name in enumerate(CORRUPTIONS):
            runs = [run for run in content["runs"] if run["corruption"] == name and key in run["scores"]]
            for run in sorted(runs, key=lambda run: -run["strength"]):  # from the strongest on, as far as it is noticed
                score = run["scores"][key]
                deviation = moved(math.nan if score is None else score, untouched, content["n"])
                if abs(deviation) <= content["noticed"]:
                    break
                first[i, j] = steps.index(run["strength"])
                ways[i, j] = "–" if score is None else "↑" if deviation > 0 else "↓"
    figure = Figure(figsize=(8.4, 0.36 * len(columns) + 1.5), layout="constrained")
    panel = figure.subplots()
    shades = [(0.10 + 0.13 * i, 0.36 + 0.095 * i, 0.55 + 0.065 * i) for i in range(len(steps))]
    panel.imshow(first, cmap=ListedColormap([*shades, (1, 1, 1)]), vmin=0, vmax=len(steps), aspect="auto")
    for (i, j), way in ways.items():
        step = first[i, j]
        text = f"{way} from {steps[step]:.0%}"
        panel.text(j, i, text, ha="center", va="center", fontsize=8.5, color="white" if step < 3 else "black")
    panel.set_xticks(range(len(CORRUPTIONS)), [name.replace(" ", "\n", 1) for name in CORRUPTIONS], fontsize=9)
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
    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    for panel, name in zip(figure.subplots(2, 3).flat, CORRUPTIONS, strict=True):
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
        data, name = load(arguments.data), Path(arguments.data).name
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
    write(IMAGES / "metric-sensitivity.png", render(draw(read(NUMBERS))))


if __name__ == "__main__":
    main()
