"""Every model of the zoo beside the others: at the same CPU minutes and at the same number of images."""

from functools import partial
from itertools import chain
from operator import itemgetter

import numpy as np
from reports import DocsTable, Picture, Report

from ca2_core.study.results import Record, Records, Results, failures_text, label_text, mean_text, scores, succeeded
from ca2_core.tables import Table
from ca2_gan.registry import models
from ca2_gan.study.training import SECOND
from gan_reports import (
    caption,
    conditions,
    data_of,
    drawings,
    is_timed,
    main_tasks,
    number_text,
    of_one_seed,
    parts,
    ranking,
    real,
    reference,
    spread_text,
    trained,
)

# Scores of the tables with their digits
COLUMNS = {"fcd": ("FCD", 1), "kl_class": ("KL class", 2), "precision": ("precision", 2), "recall": ("recall", 2), "acc": ("accuracy", 2)}
# Those of the short table
BEST = ("fcd", "acc")
# Recall below which a generator has collapsed: to what fewer than a tenth of the real images resemble
COLLAPSED = 0.1


def table_of_models(results: Results) -> str:
    """A row for each model, below the floor; a table for each data set and budget."""
    sections = {}
    for task in results.tasks:
        rows = [_floor("real (floor)", real(results, task))]
        rows += [_row(label_text(label, group), group) for label, group in trained(results, task).items()]
        sections[caption(task)] = Table(_header("model"), rows).markdown()
    return parts(sections)


def table_of_best(results: Results) -> str:
    """FCD and accuracy on all data at their main budgets, a row for each model: from the lowest FCD over the floor to the highest."""
    groups = {task: trained(results, task) for task in main_tasks(results)}
    header, floor = ["model"], ["real (floor)"]
    for task, by_model in groups.items():
        header += [f"{task}, {seeds_text(by_model)}: FCD", "accuracy"]
        floor += [number_text(real(results, task)[name], COLUMNS[name][1]) for name in BEST]
    rows = {}
    for label in dict.fromkeys(chain.from_iterable(groups.values())):
        found = {task: by_model.get(label, []) for task, by_model in groups.items()}
        failures = failures_text(list(chain.from_iterable(found.values())))
        cells = [spread_text(scores(records, name), COLUMNS[name][1]) for records in found.values() for name in BEST]
        over_floor = [reference.mean_fcd(records) / real(results, task)["fcd"] for task, records in found.items()]
        rows[label] = np.log(over_floor).mean(), [f"{label} ({failures})" if failures else label, *cells]
    ranked = [cells for _, cells in sorted(rows.values(), key=itemgetter(0))]
    shown = [record for by_model in groups.values() for records in by_model.values() for record in records]
    return f"{Table(header, [floor, *ranked]).markdown()}\n\n{conditions(results, shown)}"


def seeds_text(groups: dict[str, Records]) -> str:
    """How many seeds the models have, each its own."""
    counts = sorted({len(records) for records in groups.values()})
    return f"{' to '.join(map(str, dict.fromkeys([counts[0], counts[-1]])))} seed{'s' * (counts[-1] != 1)}"


def table_of_model(results: Results, model: str) -> str:
    """A row for each data set and budget of one model, below the floors of these data."""
    groups = {task: found for task in results.tasks if (found := trained(results, task).get(model))}
    floors = {data_of(task): real(results, task) for task in groups}
    rows = [_floor(f"{data}, real (floor)", record) for data, record in floors.items()]
    rows += [_row(label_text(task, found), found) for task, found in groups.items()]
    shown = chain.from_iterable(groups.values())
    return f"{Table(_header('data and budget'), rows).markdown()}\n\n{conditions(results, shown)}" if groups else "-"


def _header(first: str) -> list[str]:
    return [first, *(heading for heading, _ in COLUMNS.values()), "images/s", "images", "CPU seconds", "parameters"]


def _floor(label: str, record: Record) -> list[str]:
    return [label, *(number_text(record[name], digits) for name, (_, digits) in COLUMNS.items()), "", "", "", ""]


def _row(label: str, records: Records) -> list[str]:
    numbers = [spread_text(scores(records, name), digits) for name, (_, digits) in COLUMNS.items()]
    parameters = np.array([float(sum(record["parameters"].values())) for record in succeeded(records)])
    costs = [scores(records, name) for name in ("images_per_s", "images", "train_seconds")]
    return [label, *numbers, *(mean_text(values, 0) for values in (*costs, parameters))]


def table_by_second(results: Results) -> str:
    """The same models in the eyes of a network of another architecture, trained from another seed."""
    columns = {name + SECOND: column for name, column in COLUMNS.items() if name != "kl_class"}
    sections = {}
    for task in results.tasks:
        rows = [["real (floor)", *(number_text(real(results, task)[name], digits) for name, (_, digits) in columns.items())]]
        for label, group in trained(results, task).items():
            rows.append([label_text(label, group), *(spread_text(scores(group, name), digits) for name, (_, digits) in columns.items())])
        sections[caption(task)] = Table(["model", *(heading for heading, _ in columns.values())], rows).markdown()
    return parts(sections)


def table_of_collapses(results: Results) -> str:
    """How many trainings collapsed, and the worst seed's variety, by either classifier, at each budget of time."""
    header = ["model", "collapsed", "lowest recall", "by the second classifier", "highest KL class"]
    sections = {}
    for task in results.tasks:
        if not is_timed(results, task):
            continue
        rows = []
        for label, group in trained(results, task).items():
            recalls, by_second, kl = (scores(group, name) for name in ("recall", "recall" + SECOND, "kl_class"))
            lost = int((recalls < COLLAPSED).sum())
            worst = recalls.min(initial=np.inf), by_second.min(initial=np.inf), kl.max(initial=-np.inf)
            numbers = [number_text(float(value) if np.isfinite(value) else None, 2) for value in worst]
            rows.append([label_text(label, group), f"{lost} of {len(recalls)}", *numbers])
        sections[caption(task)] = Table(header, rows).markdown()
    note = f"Collapsed: a recall below {COLLAPSED:g} by the first classifier. KL class is high where classes are missing or too many."
    return f"{parts(sections)}\n\n{note}"


REPORT = Report(
    tables={name: DocsTable(f"{name}: mean ± standard deviation over the seeds", partial(table_of_model, model=name)) for name in models}
    | {
        "models": DocsTable("Models: mean ± standard deviation over the seeds", table_of_models),
        "best": DocsTable("Models from the best to the worst", table_of_best),
        "second": DocsTable("The models by an independent classifier", table_by_second),
        "collapse": DocsTable("Did trainings collapse?", table_of_collapses),
        "conditions": DocsTable("Where the numbers come from", conditions),
    }
    | ranking.TABLES,
    pictures={
        "curves": Picture("Quality against training time: FCD over CPU seconds, mean over the seeds", reference.curves),
        "samples": Picture("Uncurated samples: the first of each model's first seed", drawings.of_all),
    }
    | {
        f"samples-{name}": Picture(f"Uncurated samples: the first of {name}'s first seed", partial(drawings.of_model, model=name))
        for name in models
    }
    | ranking.PICTURES,
    kept=of_one_seed(),
)
