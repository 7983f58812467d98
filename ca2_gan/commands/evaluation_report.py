"""What ``ca2-gan evaluate`` prints and writes."""

import csv
import io
import json
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ca2_core.tables import Table
from ca2_gan.data.attributes import FEW
from ca2_gan.data.dataset import Dataset
from ca2_gan.drawing import grid, render, strips, write
from ca2_gan.metrics.classes import FEWEST
from ca2_gan.metrics.kl import EPSILON
from ca2_gan.metrics.slices import score_slices
from ca2_gan.metrics.suite import FLOOR, Evaluation, Suite
from ca2_gan.metrics.view import View
from ca2_gan.versions import versions

FILES = "evaluation.json, evaluation.csv, classes.csv"
COLUMNS = 16  # samples in the picture of copies


def gather(suite: Suite, data: Dataset, evaluations: Sequence[Evaluation], models: Sequence[str | None]) -> dict[str, Any]:
    """All scores and the settings that they depend on, ready for JSON.

    :param evaluations: the floor, then the candidates
    :param models: name of each candidate's model; None for other images
    """
    extractors = {}
    for name, it in suite.extractors.items():
        dimensions = suite.reference.real.features(name).shape[1]
        extractors[name] = {"name": it.name, "fingerprint": it.fingerprint, "resize": it.resize, "dimensions": dimensions}
        if name == "classifier":
            extractors[name]["held_out_accuracy"] = suite.accuracy
    scores = [(suite.columns[key].heading, score) for it in evaluations for key, score in it.scores.items() if score.value is not None]
    return {
        "command": shlex.join(["ca2-gan", *sys.argv[1:]]),
        "versions": versions(),
        "data": {"source": data.report.source, "fingerprint": data.fingerprint, "classes": list(data.class_names)},
        "n": suite.n,
        "seed": suite.seed,
        "epsilon": EPSILON,
        "resamples": suite.resamples,
        "extractors": extractors,
        "notes": [*suite.notes, *dict.fromkeys(f"{heading} {score.note}" for heading, score in scores if score.note)],
        "rows": summarize(evaluations, models),
        "classes": {evaluation.name: [asdict(scores) for scores in evaluation.classes] for evaluation in evaluations},
    }


def summarize(evaluations: Sequence[Evaluation], models: Sequence[str | None]) -> list[dict[str, Any]]:
    """A record for each candidate, the floor first, then one with mean and standard deviation for each model scored several times."""
    records: list[dict[str, Any]] = []
    for it in evaluations:
        intervals = {key: None if score.low is None else (score.low, score.high) for key, score in it.scores.items()}
        records.append({"name": it.name, "n": it.n, "scores": it.values, "intervals": intervals})
    groups: dict[str | None, list[Evaluation]] = defaultdict(list)
    for evaluation, model in zip(evaluations[1:], models, strict=True):
        groups[model].append(evaluation)
    for model, group in groups.items():
        if model is not None and len(group) > 1:
            values = {key: np.array([it.values[key] for it in group], dtype=np.float64) for key in group[0].scores}  # NaN for None
            mean = {key: float(found.mean()) if np.isfinite(found).all() else None for key, found in values.items()}
            std = {key: None if mean[key] is None else float(found.std(ddof=1)) for key, found in values.items()}
            records.append({"name": f"{model}: {len(group)} models", "n": group[0].n, "scores": mean, "std": std})
    return records


def groups_of(suite: Suite, views: Sequence[View], attribute: str) -> dict[str, list[dict[str, Any]]]:
    """Recall and coverage of each group of the real images, by candidate, the floor first."""
    found = {}
    for name, view in {FLOOR: suite.floor_view(), **{view.samples.name: view for view in views}}.items():
        slices = {it.name: it for it in score_slices(suite.reference.real, view, attribute)}
        found[name] = [
            {"name": group, "n": len(it.recall), "recall": float(it.recall.mean()), "coverage": float(it.coverage.mean())}
            for group, it in slices.items()
        ]
    return found


def print_groups(attribute: str, groups: dict[str, list[dict[str, Any]]]) -> None:
    """Prints the groups; if there are many, those of enough images at which the last candidate's recall is lowest."""
    names = {row["name"]: row["n"] for row in next(iter(groups.values()))}
    by_name = {candidate: {row["name"]: row for row in rows} for candidate, rows in groups.items()}
    *_, last = by_name.values()
    shown, title = list(names), f"Real images by {attribute}"
    if len(shown) > FEW:
        shown = sorted((name for name, n in names.items() if n >= FEWEST), key=lambda name: last[name]["recall"])[:FEW]
        title += f": of {len(names):,} values, those where the last candidate's recall is lowest, with at least {FEWEST} images"
    header, keys = [attribute, "images"], ("recall", "coverage")
    for candidate in groups:
        header += [f"{candidate} recall", "coverage"]
    rows = [[name, f"{names[name]:,}", *(_cell(found[name][key]) for found in by_name.values() for key in keys)] for name in shown]
    Table(header, rows, title).print()


def print_report(suite: Suite, content: dict[str, Any]) -> None:
    """Prints what the scores depend on, then the tables of distances, of shares, of classes and of groups."""
    data = content["data"]
    print(f"{suite.n:,} images on each side; reference: held-out split of {data['source']} (data {data['fingerprint']})")
    for it in content["extractors"].values():
        accuracy = f", accuracy on the held-out split {it['held_out_accuracy']:.2%}" if "held_out_accuracy" in it else ""
        print(f"{it['name']}, {it['dimensions']}-d, weights {it['fingerprint']}, resize: {it['resize']}{accuracy}")
    if "kl" in suite.metrics:
        chance = (len(suite.class_names) - 1) / suite.n
        print(f"KL(real || generated) in nats, epsilon {EPSILON:g}; over the classes, about {chance:.2g} is due to chance")
    print(", ".join(f"{name} {number}" for name, number in content["versions"].items()))
    for note in content["notes"]:
        print(note)
    like_real = [column.heading for column in suite.columns.values() if column.better == "like real"]
    but = f", but {' and '.join(like_real)} like the floor's" if like_real else ""
    for is_distance, title in ((True, "Distances: lower is better"), (False, f"Shares: higher is better{but}")):
        columns = {key: column.heading for key, column in suite.columns.items() if (column.kind == "distance") == is_distance}
        if columns:
            rows = [row for record in content["rows"] for row in _rows(record, list(columns))]
            Table(["", *columns.values()], rows, title).print()
    if any(content["classes"].values()):
        class_table(content["classes"], suite.class_names).print()
    if "by" in content:
        print_groups(**content["by"])


def _rows(record: dict[str, Any], keys: Sequence[str]) -> list[list[str]]:
    """A candidate's scores and, below them, half-widths of their confidence intervals (the larger side)."""
    scores, spread, intervals = record["scores"], record.get("std", {}), record.get("intervals", {})
    rows = [[record["name"], *(_cell(scores[key], spread.get(key)) for key in keys)]]
    if any(intervals.get(key) for key in keys):
        reach = {key: max(ends[1] - scores[key], scores[key] - ends[0]) for key, ends in intervals.items() if ends}
        rows.append(["  95 % interval", *(f"±{reach[key]:.{_digits(scores[key])}f}" if key in reach else "" for key in keys)])
    return rows


def class_table(classes: dict[str, list[dict[str, Any]]], names: Sequence[str]) -> Table:
    """A table of the classes, sorted by their mean FCD over the candidates, or by the floor's if there are none."""
    by_name = [{row["name"]: row for row in rows} for rows in classes.values()]

    def hardness(name: str) -> float:
        known = [rows[name]["fcd"] for rows in by_name[1:] or by_name if rows[name]["fcd"] is not None]
        return float(np.mean(known)) if known else np.inf

    header = ["class", *(heading for name in classes for heading in (f"{name} FCD", "acc."))]
    rows = [[name, *(_cell(rows[name][key]) for rows in by_name for key in ("fcd", "acc"))] for name in sorted(names, key=hardness)]
    return Table(header, rows, "Per class, from easy to hard: FCD, and accuracy where labels were asked for")


def _cell(value: float | None, std: float | None = None) -> str:
    if value is None:
        return "-"
    return f"{value:.{_digits(value)}f}" + (f" ± {std:.{_digits(value)}f}" if std is not None else "")


def _digits(value: float) -> int:
    """Number of decimals to print: fewer for larger numbers."""
    return 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3 if abs(value) >= 0.02 or value == 0 else 5


def write_all(folder: Path, suite: Suite, content: dict[str, Any]) -> None:
    """Writes ``evaluation.json``, with all numbers and what they depend on, and two CSV files of scores."""
    write(folder / "evaluation.json", json.dumps(content, indent=2) + "\n")
    keys = list(suite.columns)
    rows = [[record["name"], record["n"], *(record["scores"][key] for key in keys)] for record in content["rows"]]
    write(folder / "evaluation.csv", as_csv(["name", "n", *keys], rows))
    keys = ["n", "fcd", "acc", "share"]
    ranked = [
        [candidate, rank, row["name"], *(row[key] for key in keys)]
        for candidate, rows in content["classes"].items()
        for rank, row in enumerate(rows, start=1)
    ]
    write(folder / "classes.csv", as_csv(["name", "rank", "class", *keys], ranked))


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Comma-separated lines; None becomes an empty cell."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()


def draw_nearest(folder: Path, train: View, views: Sequence[View]) -> list[str]:
    """Draws samples and their nearest training images for each candidate, and returns the file names."""
    names = [f"nearest{i}.png" if len(views) > 1 else "nearest.png" for i in range(1, len(views) + 1)]
    for name, view in zip(names, views, strict=True):
        write(folder / name, render(nearest_training_images(view, train)))
    return names


def nearest_training_images(fake: View, train: View) -> Figure:
    """Samples, each above its nearest training image by the classifier's features: the likeliest copies, then any samples.

    :param train: the training images that ``fake`` was compared with
    """
    distances, positions = (found.numpy() for found in fake.nearest_in(train, "classifier"))
    ratios = distances[:, 0] / np.maximum(distances[:, 1], np.finfo(np.float64).tiny)
    n = min(COLUMNS, len(ratios))
    rows = {"likeliest copies": np.argsort(ratios, kind="stable")[:n], "any samples": np.linspace(0, len(ratios) - 1, n).astype(np.int64)}
    pictures = {}
    for title, chosen in rows.items():
        pairs: NDArray[np.uint8] = np.concatenate([fake.samples.images[chosen], train.samples.images[positions[chosen, 0]]])
        pictures[f"{title}; distance to the nearest / to the second nearest: {np.median(ratios[chosen]):.2f} (median)"] = grid(pairs, n)
    figure = strips(pictures, 0.6 * n + 0.2, 1.7)
    figure.suptitle(f"{Path(fake.samples.name).name}: samples, and below each the training image nearest to it", fontsize=10)
    return figure
