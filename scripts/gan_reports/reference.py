"""Every model of the zoo beside the others, for the same CPU minutes on all letters of the alphabet."""

from functools import partial

import numpy as np
from matplotlib.figure import Figure
from reports import DocsTable, Picture, Report

from ca2_core.study.figures import label_lines, tidy
from ca2_core.study.results import Records, Results, label_text, mean_text, scores, succeeded
from ca2_core.tables import Table
from ca2_gan.registry import models
from ca2_gan.study.training import SECOND, WATCHED
from gan_reports import (
    caption,
    conditions,
    curve_mean,
    data_of,
    drawings,
    is_timed,
    main_tasks,
    number_text,
    of_one_seed,
    parts,
    plain_log,
    ranking,
    real,
    spread_text,
    style,
    trained,
)

# Scores of the tables with their digits
COLUMNS = {
    "fcd": ("FCD", 1),
    "precision": ("precision", 2),
    "recall": ("recall", 2),
    "acc": ("accuracy", 2),
    "fcd" + SECOND: ("FCD, second classifier", 1),
    "acc" + SECOND: ("accuracy, second", 2),
}
COSTS = {"images": "images seen", "images_per_s": "images/s"}
# Those of the short table
SHORT = ("fcd", "recall", "acc")
# Behind the name of a model that was measured with the settings of that version
BEFORE = ", 0.1.0"


def table_of_models(results: Results, names: tuple[str, ...] = tuple(COLUMNS), with_costs: bool = True, only: str | None = None) -> str:
    """A row for each model below that of real images, from the lowest FCD to the highest.

    :param names: of the scores that have a column
    :param with_costs: whether there are columns for the lowest recall of a seed, the images seen and the number of parameters too
    :param only: a model; None for all
    """
    columns = {name: COLUMNS[name] for name in names}
    header = ["model", *(heading for heading, _ in columns.values())]
    header += ["lowest recall", *COSTS.values(), "parameters"] if with_costs else []
    sections = {}
    for task in main_tasks(results):
        groups = {label: records for label, records in trained(results, task).items() if only in (None, label)}
        if groups:
            floor = real(results, task)
            numbers = ["real images", *(number_text(floor.get(name), digits) for name, (_, digits) in columns.items())]
            ranked = sorted(groups, key=lambda label: mean_fcd(groups[label]))
            rows = [
                [*numbers, *[""] * (len(header) - len(numbers))],
                *(_row(label, groups[label], columns, with_costs) for label in ranked),
            ]
            sections[caption(task)] = Table(header, rows).markdown()
    return parts(sections)


def _row(label: str, records: Records, columns: dict[str, tuple[str, int]], with_costs: bool) -> list[str]:
    cells = [label_text(label, records), *(spread_text(scores(records, name), digits) for name, (_, digits) in columns.items())]
    if with_costs:
        recalls = scores(records, "recall")
        parameters = np.array([float(sum(record["parameters"].values())) for record in succeeded(records)])
        lowest = number_text(float(recalls.min()) if len(recalls) else None, 2)
        cells += [lowest, *(mean_text(scores(records, name), 0) for name in COSTS), mean_text(parameters, 0)]
    return cells


def mean_fcd(records: Records) -> float:
    """Mean over the seeds; infinite where there is none, or all failed."""
    found = scores(records, "fcd")
    return float(found.mean()) if len(found) else np.inf


def table_of_progress(results: Results) -> str:
    """What each model reached with the settings of an earlier version in their time, beside today's."""
    main = {data_of(task): task for task in main_tasks(results)}
    header = ["model", "0.1.0: FCD", "accuracy", "now: FCD", "accuracy", "times the FCD"]
    sections = {}
    for task in results.tasks:
        today = trained(results, main[data_of(task)])
        rows = []
        for label, earlier in trained(results, task).items():
            model = label.removesuffix(BEFORE)
            if model != label and task not in main.values():
                pair = earlier, today.get(model, [])
                before, now = map(mean_fcd, pair)
                cells = [spread_text(scores(records, name), COLUMNS[name][1]) for records in pair for name in ("fcd", "acc")]
                rows.append([model, *cells, f"{now / before:.2f}" if np.isfinite([before, now]).all() else "-"])
        if rows:
            sections[f"{caption(task)} then, {caption(main[data_of(task)])} now"] = Table(header, rows).markdown()
    return parts(sections)


def curves(results: Results) -> Figure:
    """FCD over CPU time, mean over the seeds; a row a data set, models that are told their class on the left."""
    tasks = [task for task in main_tasks(results) if is_timed(results, task)]
    figure = Figure(figsize=(11.0, 4.2 * max(len(tasks), 1)), layout="constrained")
    grid = figure.subplots(max(len(tasks), 1), 2, squeeze=False, sharey="row")
    for row, task in zip(grid, tasks, strict=False):
        groups = trained(results, task)
        for panel, knows in zip(row, (True, False), strict=True):
            told = {label: group for label, group in groups.items() if drawings.is_conditional(group) == knows}
            for i, (label, group) in enumerate(told.items()):
                if found := succeeded(group):
                    panel.plot(*curve_mean(found, "seconds", "fcd"), label=label, linewidth=1.6, **style(i))
            floor = real(results, task)["watched"]
            panel.axhline(floor, color="0.5", linewidth=0.8)
            panel.annotate("real images", (0.0, floor), xycoords=("axes fraction", "data"), xytext=(3, 3), textcoords="offset points")
            panel.set_xscale("log")
            panel.set_yscale("log")
            for axis in (panel.xaxis, panel.yaxis):
                plain_log(axis)
            tidy(panel)
            panel.set_xlabel("CPU seconds of training")
            panel.set_title(f"{data_of(task)}, {'conditional' if knows else 'unconditional'} models", loc="left", fontsize=10)
        row[0].set_ylabel(f"FCD of {min(WATCHED, real(results, task)['n']):,} images")
        for panel in row:
            label_lines(panel)
    return figure


REPORT = Report(
    tables={name: DocsTable(f"{name}: mean ± standard deviation over the seeds", partial(table_of_models, only=name)) for name in models}
    | {
        "models": DocsTable("Models from the best to the worst", table_of_models),
        "short": DocsTable("Models from the best to the worst", partial(table_of_models, names=SHORT, with_costs=False)),
        "progress": DocsTable("Settings of version 0.1.0 and today's", table_of_progress),
        "conditions": DocsTable("Where the numbers come from", conditions),
    }
    | ranking.TABLES,
    pictures={
        "curves": Picture("Quality against training time: FCD over CPU seconds, mean over the seeds", curves),
        "samples": Picture("Uncurated samples: the first of each model's first seed", drawings.of_all),
    }
    | {
        f"samples-{name}": Picture(f"Uncurated samples: the first of {name}'s first seed", partial(drawings.of_model, model=name))
        for name in models
    }
    | ranking.PICTURES,
    kept=of_one_seed(),
)
