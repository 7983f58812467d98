"""What ``ca2-gan evaluate`` prints and writes."""

import csv
import io
import json
import shlex
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ca2_core.tables import Table
from ca2_gan.data.dataset import Dataset
from ca2_gan.drawing import render, write
from ca2_gan.gan import GAN
from ca2_gan.metrics.bootstrap import Interval
from ca2_gan.metrics.divergence import EPSILON
from ca2_gan.metrics.figures import nearest_training_images
from ca2_gan.metrics.samples import Source
from ca2_gan.metrics.suite import Suite, Verdict
from ca2_gan.metrics.view import View

FILES = "evaluation.json, evaluation.csv, classes.csv"
PACKAGES = ("ca2", "torch", "torchvision", "numpy", "scipy")


def describe(suite: Suite, data: Dataset) -> list[str]:
    """What must be known to compare the numbers with others."""
    lines = [f"{suite.n:,} images on each side; reference: held-out split of {data.report.source} (data {data.fingerprint})"]
    lines += [
        f"{extractor.name}, {extractor.dimensions}-d, weights {extractor.fingerprint}, resize: {extractor.resize}"
        + (f", accuracy on the held-out split {suite.accuracy:.2%}" if name == "classifier" else "")
        for name, extractor in suite.extractors.items()
    ]
    lines.append(
        f"KL(real || generated) in nats, epsilon {EPSILON:g}; over the classes, chance alone makes it about {plug_in_floor(suite):.2g}"
    )
    lines.append(", ".join(f"{name} {number}" for name, number in versions().items()))
    return lines + suite.notes


def plug_in_floor(suite: Suite) -> float:
    """What KL over the classes is between two samples of the same distribution."""
    return (len(suite.class_names) - 1) / suite.n


def versions() -> dict[str, str]:
    """Of what decides the numbers."""
    return {name: version(name) for name in PACKAGES}


def summarize(verdicts: Sequence[Verdict], sources: Sequence[Source]) -> list[dict[str, Any]]:
    """A record for each verdict, the floor first, then one with mean and standard deviation for each model judged several times."""
    records: list[dict[str, Any]] = [
        {"name": verdict.name, "n": verdict.n, "scores": verdict.scores, "intervals": verdict.intervals} for verdict in verdicts
    ]
    groups: dict[str, list[Verdict]] = defaultdict(list)
    for verdict, source in zip(verdicts[1:], sources, strict=True):
        if isinstance(source.origin, GAN):
            groups[source.origin.spec.name].append(verdict)
    for model, group in groups.items():
        if len(group) > 1:
            mean, std = {}, {}
            for key in group[0].scores:
                values = [verdict.scores[key] for verdict in group]
                known = [value for value in values if value is not None]
                mean[key] = float(np.mean(known)) if len(known) == len(values) else None
                std[key] = float(np.std(known, ddof=1)) if len(known) == len(values) else None
            records.append({"name": f"{model}: {len(group)} models", "n": group[0].n, "scores": mean, "std": std})
    return records


def print_verdicts(suite: Suite, verdicts: Sequence[Verdict], records: Sequence[dict[str, Any]]) -> None:
    """The tables of distances and of the other numbers, then that of the classes."""
    titles = {True: "Distances: the lower the better", False: "Shares: the higher the better, but copied and nearer like the floor's"}
    for is_distance, title in titles.items():
        chosen = [metric for metric in suite.metrics.values() if metric.is_distance == is_distance]
        columns = {key: heading for metric in chosen for key, heading in metric.columns.items()}
        if columns:
            rows = [row for record in records for row in _rows(record, list(columns))]
            Table(["", *columns.values()], rows, title).print()
    Table(*class_table(suite, verdicts), "Per class, from easy to hard: FCD, and accuracy where labels were asked for").print()


def _rows(record: dict[str, Any], keys: Sequence[str]) -> list[list[str]]:
    """A candidate's numbers and, below, their intervals."""
    spread, intervals = record.get("std", {}), record.get("intervals", {})
    rows = [[record["name"], *(_cell(record["scores"][key], spread.get(key)) for key in keys)]]
    if any(intervals.get(key) for key in keys):
        cells = [_reach(record["scores"][key], intervals[key]) for key in keys]
        rows.append(["  95 % interval", *cells])
    return rows


def class_table(suite: Suite, verdicts: Sequence[Verdict]) -> tuple[list[str], list[list[str]]]:
    """Header and rows, classes sorted by their mean FCD over the candidates (over the floor if there is none)."""
    by_name = [{scores.name: scores for scores in verdict.classes} for verdict in verdicts]

    def hardness(name: str) -> float:
        distances = [scores[name].fcd for scores in by_name[1:] or by_name]
        known = [distance for distance in distances if distance is not None]
        return float(np.mean(known)) if known else np.inf

    header = ["class"]
    for verdict in verdicts:
        header += [f"{verdict.name} FCD", "acc."]
    rows = []
    for name in sorted(suite.class_names, key=hardness):
        cells = [[_cell(scores[name].fcd), _cell(scores[name].acc)] for scores in by_name]
        rows.append([name, *(cell for pair in cells for cell in pair)])
    return header, rows


def _cell(value: float | None, std: float | None = None) -> str:
    if value is None:
        return "-"
    digits = _digits(value)
    return f"{value:.{digits}f}" + (f" ± {std:.{digits}f}" if std is not None else "")


def _reach(value: float | None, ends: Interval | None) -> str:
    """How far an interval goes to either side, to the digits of the number."""
    if value is None or ends is None:
        return ""
    return f"±{max(ends[1] - value, value - ends[0]):.{_digits(value)}f}"


def _digits(value: float) -> int:
    """After the point: three that count, or two of a small number."""
    return 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3 if abs(value) >= 0.02 or value == 0 else 5


def as_csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Comma-separated, empty where there is no number."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return buffer.getvalue()


def draw_nearest(folder: Path, suite: Suite, views: Sequence[View]) -> list[str]:
    """A picture of samples beside training images for each candidate; the file names."""
    train = suite.reference.train
    names = [f"nearest{i}.png" if len(views) > 1 else "nearest.png" for i in range(1, len(views) + 1)]
    for name, view in zip(names, views, strict=True):
        write(folder / name, render(nearest_training_images(view, train)))
    return names


def write_all(folder: Path, suite: Suite, data: Dataset, verdicts: Sequence[Verdict], records: Sequence[dict[str, Any]]) -> None:
    """Writes all numbers and what they depend on."""
    content = {
        "command": shlex.join(["ca2-gan", *sys.argv[1:]]),
        "versions": versions(),
        "data": {"source": data.report.source, "fingerprint": data.fingerprint, "classes": list(data.class_names)},
        "n": suite.n,
        "seed": suite.seed,
        "epsilon": EPSILON,
        "resamples": suite.resamples,
        "extractors": {
            name: {"name": it.name, "fingerprint": it.fingerprint, "resize": it.resize, "dimensions": it.dimensions}
            | ({"held_out_accuracy": suite.accuracy} if name == "classifier" else {})
            for name, it in suite.extractors.items()
        },
        "notes": suite.notes,
        "rows": list(records),
        "classes": {verdict.name: [asdict(scores) for scores in verdict.classes] for verdict in verdicts},
    }
    write(folder / "evaluation.json", json.dumps(content, indent=2) + "\n")
    keys = list(suite.columns)
    rows = [[record["name"], record["n"], *(record["scores"][key] for key in keys)] for record in records]
    write(folder / "evaluation.csv", as_csv(["name", "n", *keys], rows))
    ranked = [
        [verdict.name, rank, scores.name, scores.n, scores.fcd, scores.acc, scores.share]
        for verdict in verdicts
        for rank, scores in enumerate(verdict.classes, start=1)
    ]
    write(folder / "classes.csv", as_csv(["name", "rank", "class", "n", "fcd", "acc", "share"], ranked))
