"""Every model of the zoo beside the others: at the same CPU minutes and at the same number of images."""

from collections.abc import Iterable
from functools import partial
from itertools import chain
from operator import itemgetter

import numpy as np
from matplotlib.figure import Figure

from ca2_core.tables import Table
from ca2_gan.registry import models
from ca2_gan.studies import drawings
from ca2_gan.studies.figures import panels, plain_log, style
from ca2_gan.studies.jobs import Variant, as_shipped
from ca2_gan.studies.results import (
    Records,
    Results,
    by_label,
    caption,
    failures_text,
    label_text,
    mean_text,
    parts,
    seeds_text,
    spread_text,
    succeeded,
    values,
)
from ca2_gan.studies.study import Picture, Study, StudyTable

COURSEWORK = ("dcgan", "dcgan_enhanced", "cgan", "triplegan")
# Scores of the tables with their digits
COLUMNS = {"fcd": ("FCD", 1), "kl_class": ("KL class", 2), "precision": ("precision", 2), "recall": ("recall", 2), "acc": ("accuracy", 2)}
# Those of the short table
BEST = ("fcd", "acc")
# Recall below which a generator has collapsed: to what fewer than a tenth of the real images resemble
COLLAPSED = 0.1


def variants() -> list[Variant]:
    """Every model of the registry with the settings that come with it; those of the original study first."""
    names = [*COURSEWORK, *(name for name in models if name not in COURSEWORK)]
    return [Variant(name, as_shipped(name), {"model": name}) for name in names]


def table_of_models(results: Results) -> str:
    """A row for each model, below the floor; a table for each data set and budget."""
    sections = {}
    for (data, budget), records in results.groups().items():
        rows = [_floor("real (floor)", results, data)]
        rows += [_row(label, group) for label, group in by_label(records).items()]
        sections[caption(data, budget)] = Table(_header("model"), rows).markdown()
    return parts(sections)


def table_of_best(results: Results) -> str:
    """FCD and accuracy on all data at their main budgets, a row for each model: from the lowest FCD over the floor to the highest."""
    main = results.main()
    groups = {data: by_label(records) for data, (_, records) in main.items()}
    header, floor = ["model"], ["real (floor)"]
    for data, (budget, _) in main.items():
        header += [f"{data}, {budget.name}, {seeds_text(groups[data].values())}: FCD", "accuracy"]
        scores = results.data[data]["floor"]["scores"]
        floor += [_number(scores[name], COLUMNS[name][1]) for name in BEST]
    rows = {}
    for label in dict.fromkeys(label for group in groups.values() for label in group):
        found = {data: group.get(label, []) for data, group in groups.items()}
        failures = failures_text([record for records in found.values() for record in records])
        cells = [spread_text(values(records, name), COLUMNS[name][1]) for records in found.values() for name in BEST]
        over_floor = [_mean_fcd(records) / results.data[data]["floor"]["scores"]["fcd"] for data, records in found.items()]
        rows[label] = np.log(over_floor).mean(), [f"{label} ({failures})" if failures else label, *cells]
    ranked = [cells for _, cells in sorted(rows.values(), key=itemgetter(0))]
    return _with_conditions(Table(header, [floor, *ranked]).markdown(), results, [records for _, records in main.values()])


def _mean_fcd(records: Records) -> float:
    """Mean over the seeds; infinite where there is none, or all failed."""
    found = values(records, "fcd")
    return float(found.mean()) if len(found) else np.inf


def table_of_model(results: Results, model: str) -> str:
    """A row for each data set and budget of one model, below the floors of these data."""
    groups = {key: found for key, records in results.groups().items() if (found := by_label(records).get(model))}
    rows = [_floor(f"{data}, real (floor)", results, data) for data in dict.fromkeys(data for data, _ in groups)]
    rows += [_row(f"{data}, {budget.name}", found) for (data, budget), found in groups.items()]
    return _with_conditions(Table(_header("data and budget"), rows).markdown(), results, groups.values())


def _with_conditions(table: str, results: Results, groups: Iterable[Records]) -> str:
    """A table of these trainings, for a page that has no other of the study, and where they come from; a dash for none."""
    shown = list(chain.from_iterable(groups))
    return f"{table}\n\n{results.only(shown).conditions()}" if shown else "-"


def _header(first: str) -> list[str]:
    return [first, *(heading for heading, _ in COLUMNS.values()), "images/s", "images", "CPU seconds", "parameters"]


def _floor(label: str, results: Results, data: str) -> list[str]:
    scores = results.data[data]["floor"]["scores"]
    return [label, *(_number(scores.get(name), digits) for name, (_, digits) in COLUMNS.items()), "", "", "", ""]


def table_by_second(results: Results) -> str:
    """The same models in the eyes of a network of another architecture, trained from another seed."""
    columns = {name: column for name, column in COLUMNS.items() if name != "kl_class"}
    sections = {}
    for (data, budget), records in results.groups().items():
        floor = results.data[data]["floor"]["second"]
        rows = [["real (floor)", *(_number(floor.get(name), digits) for name, (_, digits) in columns.items())]]
        for label, group in by_label(records).items():
            scores = [spread_text(values(group, name, "second"), digits) for name, (_, digits) in columns.items()]
            rows.append([label_text(label, group), *scores])
        sections[caption(data, budget)] = Table(["model", *(heading for heading, _ in columns.values())], rows).markdown()
    return parts(sections)


def table_of_collapses(results: Results) -> str:
    """How many trainings collapsed, and the worst seed's variety, by either classifier, at each budget of time."""
    header = ["model", "collapsed", "lowest recall", "by the second classifier", "highest KL class"]
    sections = {}
    for (data, budget), records in results.groups().items():
        if budget.minutes is None:
            continue
        rows = []
        for label, group in by_label(records).items():
            recalls, by_second, kl = values(group, "recall"), values(group, "recall", "second"), values(group, "kl_class")
            lost = int((recalls < COLLAPSED).sum())
            worst = recalls.min(initial=np.inf), by_second.min(initial=np.inf), kl.max(initial=-np.inf)
            numbers = [_number(float(value) if np.isfinite(value) else None, 2) for value in worst]
            rows.append([label_text(label, group), f"{lost} of {len(recalls)}", *numbers])
        sections[caption(data, budget)] = Table(header, rows).markdown()
    note = f"Collapsed: a recall below {COLLAPSED:g} by the first classifier. KL class is high where classes are missing or too many."
    return f"{parts(sections)}\n\n{note}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _row(label: str, records: Records) -> list[str]:
    scores = [spread_text(values(records, name), digits) for name, (_, digits) in COLUMNS.items()]
    parameters = [float(sum(record["parameters"].values())) for record in succeeded(records)]
    costs = [mean_text(values(records, name)) for name in ("images_per_s", "images", "cpu_seconds")]
    return [label_text(label, records), *scores, *costs, mean_text(np.array(parameters))]


def curves(results: Results) -> Figure:
    """FCD over CPU time, a line a model: mean over the seeds at each share of the budget; a panel a data set."""
    timed = {data: records for data, (budget, records) in results.main().items() if budget.minutes is not None}
    figure, axes = panels([4.6] * len(timed), 7.6)
    for panel, (data, records) in zip(axes, timed.items(), strict=False):
        for i, (label, group) in enumerate(by_label(records).items()):
            points = [[(point["seconds"], point["fcd"]) for point in record["curve"]] for record in succeeded(group)]
            if points and points[0]:
                seconds, fcd = np.array(points).mean(axis=0).T
                panel.plot(seconds, fcd, label=label, linewidth=1.6, **style(i))
        floor = results.data[data]["watched_floor"]
        panel.axhline(floor, color="0.5", linewidth=0.8)
        panel.annotate(
            "real images", (1.0, floor), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points", ha="right"
        )
        panel.set_xscale("log")
        panel.set_yscale("log")
        for axis in (panel.xaxis, panel.yaxis):
            plain_log(axis)
        panel.grid(alpha=0.25, linewidth=0.6)
        panel.set_xlabel("CPU seconds of training")
        panel.set_ylabel(f"FCD of {results.data[data]['watched']:,} images")
        panel.set_title(data, loc="left", fontsize=10)
        if panel.get_legend_handles_labels()[0]:
            panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


STUDY = Study(
    "overview",
    "every model of the zoo beside the others",
    variants,
    tables={
        name: StudyTable(f"{name}: mean ± standard deviation over the seeds", partial(table_of_model, model=name), False) for name in models
    }
    | {
        "models": StudyTable("Models: mean ± standard deviation over the seeds", table_of_models),
        "best": StudyTable("Models from the best to the worst", table_of_best, False),
        "second": StudyTable("The models by an independent classifier", table_by_second),
        "collapse": StudyTable("Did trainings collapse?", table_of_collapses),
    },
    pictures={
        "curves": Picture("Quality against training time: FCD over CPU seconds, mean over the seeds", curves),
        "samples": Picture("The first samples of each model's first seed, chosen by nobody", drawings.of_all),
    }
    | {
        f"samples-{name}": Picture(
            f"The first samples of {name}'s first seed, chosen by nobody", partial(drawings.of_model, model=name), False
        )
        for name in models
    },
    leaves_out=frozenset({"settings", "standing", "per_class"}),
)
