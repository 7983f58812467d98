"""What ``ca2-gan evaluate`` prints and writes."""

import csv
import io
import json
import shlex
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ca2_core.tables import Table
from ca2_gan.commands.evaluation_figures import nearest_training_images
from ca2_gan.data.dataset import Dataset
from ca2_gan.drawing import render, write
from ca2_gan.metrics.divergence import EPSILON
from ca2_gan.metrics.metric import Score
from ca2_gan.metrics.suite import Evaluation, Suite
from ca2_gan.metrics.view import View
from ca2_gan.versions import versions

FILES = "evaluation.json, evaluation.csv, classes.csv"


def describe(suite: Suite, data: Dataset, evaluations: Sequence[Evaluation]) -> list[str]:
    """What must be known to compare the numbers with others."""
    lines = [f"{suite.n:,} images on each side; reference: held-out split of {data.report.source} (data {data.fingerprint})"]
    lines += [
        f"{extractor.name}, {dimensions(suite, name)}-d, weights {extractor.fingerprint}, resize: {extractor.resize}"
        + (f", accuracy on the held-out split {suite.accuracy:.2%}" if name == "classifier" else "")
        for name, extractor in suite.extractors.items()
    ]
    if "kl" in suite.metrics:
        lines.append(
            f"KL(real || generated) in nats, epsilon {EPSILON:g}; over the classes, chance alone makes it about {plug_in_floor(suite):.2g}"
        )
    lines.append(", ".join(f"{name} {number}" for name, number in versions().items()))
    return lines + notes(suite, evaluations)


def dimensions(suite: Suite, extractor: str) -> int:
    """Of an extractor's features."""
    return int(suite.reference.real.features(extractor).shape[1])


def notes(suite: Suite, evaluations: Sequence[Evaluation]) -> list[str]:
    """What to know when reading the numbers, each once."""
    columns = suite.columns
    scores = [(key, score) for it in evaluations for key, score in it.scores.items() if score.value is not None and score.note]
    return [*suite.notes, *dict.fromkeys(f"{columns[key].heading} {score.note}" for key, score in scores)]


def plug_in_floor(suite: Suite) -> float:
    """What KL over the classes is between two samples of the same distribution."""
    return (len(suite.class_names) - 1) / suite.n


def summarize(evaluations: Sequence[Evaluation], models: Sequence[str | None]) -> list[dict[str, Any]]:
    """A record for each candidate, the floor first, then one with mean and standard deviation for each model scored several times.

    :param models: name of each candidate's model; None for other images
    """
    records: list[dict[str, Any]] = [
        {"name": it.name, "n": it.n, "scores": it.values, "intervals": {key: ends(score) for key, score in it.scores.items()}}
        for it in evaluations
    ]
    groups: dict[str, list[Evaluation]] = defaultdict(list)
    for evaluation, model in zip(evaluations[1:], models, strict=True):
        if model is not None:
            groups[model].append(evaluation)
    for model, group in groups.items():
        if len(group) > 1:
            mean, std = {}, {}
            for key in group[0].scores:
                values = [it.values[key] for it in group]
                known = [value for value in values if value is not None]
                mean[key] = float(np.mean(known)) if len(known) == len(values) else None
                std[key] = float(np.std(known, ddof=1)) if len(known) == len(values) else None
            records.append({"name": f"{model}: {len(group)} models", "n": group[0].n, "scores": mean, "std": std})
    return records


def ends(score: Score) -> tuple[float, float] | None:
    """Of its interval."""
    return None if score.low is None or score.high is None else (score.low, score.high)


def print_scores(suite: Suite, evaluations: Sequence[Evaluation], records: Sequence[dict[str, Any]]) -> None:
    """The tables of distances and of the other numbers, then that of the classes."""
    like_real = [column.heading for column in suite.columns.values() if column.better == "like real"]
    but = f", but {' and '.join(like_real)} like the floor's" if like_real else ""
    for is_distance, title in ((True, "Distances: the lower the better"), (False, f"Shares: the higher the better{but}")):
        columns = {key: column.heading for key, column in suite.columns.items() if (column.kind == "distance") == is_distance}
        if columns:
            rows = [row for record in records for row in _rows(record, list(columns))]
            Table(["", *columns.values()], rows, title).print()
    if evaluations[0].classes:
        Table(*class_table(suite, evaluations), "Per class, from easy to hard: FCD, and accuracy where labels were asked for").print()


def _rows(record: dict[str, Any], keys: Sequence[str]) -> list[list[str]]:
    """A candidate's numbers and, below, their intervals."""
    spread, intervals = record.get("std", {}), record.get("intervals", {})
    rows = [[record["name"], *(_cell(record["scores"][key], spread.get(key)) for key in keys)]]
    if any(intervals.get(key) for key in keys):
        cells = [_reach(record["scores"][key], intervals[key]) for key in keys]
        rows.append(["  95 % interval", *cells])
    return rows


def class_table(suite: Suite, evaluations: Sequence[Evaluation]) -> tuple[list[str], list[list[str]]]:
    """Header and rows, classes sorted by their mean FCD over the candidates (over the floor if there is none)."""
    by_name = [{scores.name: scores for scores in evaluation.classes} for evaluation in evaluations]

    def hardness(name: str) -> float:
        distances = [scores[name].fcd for scores in by_name[1:] or by_name]
        known = [distance for distance in distances if distance is not None]
        return float(np.mean(known)) if known else np.inf

    header = ["class"]
    for evaluation in evaluations:
        header += [f"{evaluation.name} FCD", "acc."]
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


def _reach(value: float | None, ends: tuple[float, float] | None) -> str:
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
    assert train is not None
    names = [f"nearest{i}.png" if len(views) > 1 else "nearest.png" for i in range(1, len(views) + 1)]
    for name, view in zip(names, views, strict=True):
        write(folder / name, render(nearest_training_images(view, train)))
    return names


def write_all(folder: Path, suite: Suite, data: Dataset, evaluations: Sequence[Evaluation], records: Sequence[dict[str, Any]]) -> None:
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
            name: {"name": it.name, "fingerprint": it.fingerprint, "resize": it.resize, "dimensions": dimensions(suite, name)}
            | ({"held_out_accuracy": suite.accuracy} if name == "classifier" else {})
            for name, it in suite.extractors.items()
        },
        "notes": notes(suite, evaluations),
        "rows": list(records),
        "classes": {evaluation.name: [asdict(scores) for scores in evaluation.classes] for evaluation in evaluations},
    }
    write(folder / "evaluation.json", json.dumps(content, indent=2) + "\n")
    keys = list(suite.columns)
    rows = [[record["name"], record["n"], *(record["scores"][key] for key in keys)] for record in records]
    write(folder / "evaluation.csv", as_csv(["name", "n", *keys], rows))
    ranked = [
        [evaluation.name, rank, scores.name, scores.n, scores.fcd, scores.acc, scores.share]
        for evaluation in evaluations
        for rank, scores in enumerate(evaluation.classes, start=1)
    ]
    write(folder / "classes.csv", as_csv(["name", "rank", "class", "n", "fcd", "acc", "share"], ranked))
