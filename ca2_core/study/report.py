"""Writes ``report.md`` of a study: for each task a table, the scores of all seeds, and figures."""

import re
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

from ca2_core.files import whole_file
from ca2_core.study import figures
from ca2_core.study.cases import Measure
from ca2_core.study.results import (
    Records,
    Results,
    iqm_text,
    label_text,
    mean_text,
    reached_text,
    scores,
    std_text,
    succeeded,
)
from ca2_core.tables import Table

NOTE = (
    "IQM: interquartile mean over the seeds, with its 95 % percentile-bootstrap interval (Agarwal et al. 2021). A seed's score is that of "
    "its last model. Seconds are CPU seconds, without the evaluations."
)


def comparison(results: Results, task: str, group: str | None = None) -> Table:
    """A row for each variant of a task or of one of its groups. The best is not marked: where intervals overlap, another may be better."""
    measure = results.measure(task)
    digits = measure.digits
    header = ["variant", f"{measure.name}, IQM [95 %]", "mean", "std over seeds", "worst seed"]
    header += [f"{measure.axis} to {threshold:g}" for threshold in measure.thresholds]
    header += measure.others
    rows = [
        [
            label_text(variant, records),
            iqm_text(values := scores(records, measure.name), digits),
            mean_text(values, digits),
            std_text(values, digits),
            (f"{(values.max() if measure.lower_is_better else values.min()):,.{digits}f}" if len(values) else "-"),
            *(reached_text(records, measure, threshold) for threshold in measure.thresholds),
            *(mean_text(scores(records, name), 2) for name in measure.others),
            mean_text(scores(records, "train_seconds")),
        ]
        for variant, records in results.by_variant(task, group).items()
    ]
    return Table([*header, "seconds of training"], rows, title=f"{task}{f', {group}' if group else ''}")


def all_seeds(results: Results, task: str, group: str | None = None) -> Table:
    """The score of each seed, a row for each variant."""
    measure, groups = results.measure(task), results.by_variant(task, group)
    seeds = sorted({record["seed"] for records in groups.values() for record in records})
    return Table(
        ["variant", *(f"seed {seed}" for seed in seeds)], [[variant, *_cells(groups[variant], measure, seeds)] for variant in groups]
    )


def _cells(records: Records, measure: Measure, seeds: list[int]) -> list[str]:
    by_seed = {
        record["seed"]: "failed" if "error" in record else mean_text(scores([record], measure.name), measure.digits) for record in records
    }
    return [by_seed.get(seed, "") for seed in seeds]


def write_report(results: Results, out: Path) -> Path:
    """Writes ``report.md`` and its figures.

    :return: path of the report
    """
    parts = [f"# {results.content['title']}"]
    for task in results.tasks:
        parts.append(f"## {task}")
        for group in results.groups(task):
            parts += [f"### {group}"] * bool(group) + _section(results, task, group, out)
    parts += [NOTE if results.tasks else "Nothing of this has been trained yet.", results.conditions()]
    path = out / "report.md"
    with whole_file(path) as partial:
        partial.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def _section(results: Results, task: str, group: str, out: Path) -> list[str]:
    """Tables and figures of variants that are shown together."""
    measure = results.measure(task)
    parts = [comparison(results, task, group).markdown(), "All seeds:", all_seeds(results, task, group).markdown()]
    groups = {variant: records for variant, records in results.by_variant(task, group).items() if succeeded(records)}
    name = re.sub(r"[^\w.-]+", "_", f"{task}-{group}" if group else task)
    if any("curve" in record for records in groups.values() for record in records):
        figures.save(figures.learning_curves(groups, measure), out / f"curves-{name}.png")
        parts.append(f"![{measure.name} over the training: interquartile mean over the seeds](curves-{name}.png)")
    parts += _drawn(groups, name, out)
    if any(f"{measure.name}_percentiles" in record for records in groups.values() for record in records):
        figures.save(figures.profile(groups, measure), out / f"profile-{name}.png")
        parts.append(f"![Share of episodes by {measure.name}, with 95 % bands over seeds](profile-{name}.png)")
    return parts


def _drawn(groups: Mapping[str, Records], name: str, out: Path) -> list[str]:
    """A table of pictures, one for each variant whose records have one (base64 under ``drawn``); an empty list without pictures."""
    pictures = {variant: next((record["drawn"] for record in records if "drawn" in record), None) for variant, records in groups.items()}
    rows = []
    for i, (variant, picture) in enumerate(pictures.items()):
        if picture is not None:
            with whole_file(path := out / f"drawn-{name}-{i}.png") as partial:
                partial.write_bytes(b64decode(picture))
            rows.append([variant, f"![{variant}]({path.name})"])
    return [Table(["variant", "drawn by the last model of the first seed"], rows, texts=2).markdown()] if rows else []
