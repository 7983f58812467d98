"""Reads the YAML file of a study of GANs, and checks it before anything runs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ca2_core.study.cases import Case, Measure, Study
from ca2_core.study.file import Section, find_modules, read_file
from ca2_gan.data import Dataset, load_data
from ca2_gan.data.sources import parse_sides
from ca2_gan.metrics.suite import find_metric
from ca2_gan.registry import datasets, models
from ca2_gan.study.training import MEASUREMENT, SECOND, Bench, make_config
from ca2_gan.training.config import BUDGET, game_of, groups, model_values, read_values
from ca2_gan.training.settings import entries
from ca2_gan.training.trainer import Trainer

SEEDS, METRICS, MINUTES = 3, ("fcd", "kl", "prdc", "acc"), 5.0
# Name of the reference of each data set, its real images
REAL = "real images"
STUDY_KEYS = ("title", "seeds", "packages", "metrics", "second", "budgets", "data", "variants")
OPTIONS = {"source": str, "root": str, "classes": list, "transpose": bool, "invert": bool, "resize": object, "cases": bool, "size": int}
# Keys of a variant that are not settings
VARIANT_KEYS = ("model", "per_class", "standing", "group", "seeds", "tasks")
# Groups of settings that a variant may have
OF_VARIANTS = ("model", "game", "optimiser")
# --quick divides the budget by this
QUICK = 10


@dataclass(frozen=True)
class Task:
    """A data set with a budget.

    :param names: names by which variants may choose it
    :param settings: settings of its cases
    :param bench: what ``load`` and the metrics need to know for its jobs, as JSON
    """

    names: tuple[str, str]
    settings: Mapping[str, Any]
    bench: str
    measure: Measure


def read_study(path: Path, quick: bool = False) -> Study:
    """Reads the study in a file.

    :param quick: whether to divide the budgets by 10
    :raises UserError: for the first mistake in it, by file and key
    """
    return make_study(read_file(path), path.stem, path.parent, quick)


def make_study(content: Section, name: str, folder: Path, quick: bool = False) -> Study:
    """Makes a study from the content of a file; see ``read_study``.

    :param folder: folder in which modules of ``packages`` and data are looked for
    """
    content.check_keys(STUDY_KEYS)
    load.cache_clear()  # files may have changed since the last study was read
    packages = find_modules(content, "packages", folder)
    evaluation = {"metrics": _metrics(content, "metrics", METRICS), "second": _metrics(content, "second", ())}
    tasks: dict[str, Task] = {}
    for data, section in content.sections("data").items():
        tasks |= _tasks(data, section, content, folder, {"evaluation": evaluation, "packages": packages}, quick)
    cases = [
        Case(REAL, task, {name: value for name, value in each.settings.items() if name != "budget"}, each.bench, is_reference=True)
        for task, each in tasks.items()
    ]
    for variant, section in content.sections("variants").items():
        cases += _cases(variant, section, tasks)
    measures = {task: each.measure for task, each in tasks.items()}
    return Study(name, content.get("title", str, name.replace("_", " ").capitalize()), cases, content.seeds("seeds", SEEDS), measures)


def _metrics(content: Section, key: str, default: Sequence[str]) -> list[str]:
    names = content.names(key)
    for name in names or []:
        with content.naming(key):
            find_metric(name)
    return list(default) if names is None else names


def _measure(evaluation: Mapping[str, Sequence[str]], budget: Mapping[str, Any], content: Section) -> Measure:
    """How variants are compared: by the first number of the first metric. Records keep the other numbers as well."""
    columns = [column for name in evaluation["metrics"] for column in find_metric(name).columns]
    if not columns or columns[0].better == "like real":
        raise content.error("metrics", "the first has to be better either when lower or when higher, such as fcd.")
    first, *others = columns
    by_second = [column.key + SECOND for name in evaluation["second"] for column in find_metric(name).columns]
    return Measure(
        first.key,
        first.better == "lower",
        axis="images" if "images" in budget else "seconds",
        digits=1 if first.kind == "distance" else 3,
        others=(*(column.key for column in others), *by_second),
    )


def _tasks(data: str, section: Section, content: Section, folder: Path, common: Mapping[str, Any], quick: bool) -> dict[str, Task]:
    """A data set with each of its budgets."""
    section.check_keys((*OPTIONS, "budgets"))
    options: dict[str, Any] = {key: section.get(key, kind, kind()) for key, kind in OPTIONS.items() if section.values.get(key) is not None}
    source = str(options.pop("source", data))
    if "classes" in options:
        options["classes"] = [str(name) for name in options["classes"]]
    if "resize" in options:
        with section.naming("resize"):
            options["resize"] = parse_sides(options["resize"])
    is_named, near = source in datasets.list(), folder / source
    place = str(near) if not is_named and not Path(source).exists() and near.exists() else source
    bench = json.dumps({"place": section.place_of("source"), "data": {"source": place} | options, **common["evaluation"]}, sort_keys=True)
    decides = {"source": source} | {name: value for name, value in options.items() if name != "root"}
    if not is_named and Path(place).exists():  # named data depend only on the package's version
        decides["fingerprint"] = load(bench).fingerprint
    tasks = {}
    for budget in _budgets(section if "budgets" in section.values else content):
        spent = (
            {name: max(amount // QUICK, 1) if name == "images" else amount / QUICK for name, amount in budget.items()} if quick else budget
        )
        settings = {"measurement": MEASUREMENT, "data": decides, "budget": spent, **common}
        names = (data, f"{data}, {name_of(budget)}")
        tasks[names[1] + ", a tenth of it" * quick] = Task(names, settings, bench, _measure(common["evaluation"], spent, content))
    return tasks


def _budgets(section: Section) -> list[dict[str, Any]]:
    """The budgets, each with one limit."""
    found = section.get("budgets", list, [{"cpu_minutes": MINUTES}])
    if not found or not all(isinstance(budget, dict) and len(budget) == 1 and set(budget) <= set(BUDGET) for budget in found):
        raise section.error("budgets", f"a list such as [cpu_minutes: 5, images: 100000] of {', '.join(BUDGET)} is needed.")
    return [read_values(budget, section.place_of("budgets")) for budget in found]


def name_of(budget: Mapping[str, Any]) -> str:
    """Name of a budget in tables, such as 30 CPU seconds, 5 minutes, 1,000 images."""
    ((kind, amount),) = budget.items()
    if kind == "images":
        return f"{amount:,} image{'s' * (amount != 1)}"
    clock = "CPU " * (kind == "cpu_minutes")
    return f"{60 * amount:.4g} {clock}seconds" if 60 * amount < 100 else f"{amount:.4g} {clock}minutes"


def _cases(variant: str, section: Section, tasks: Mapping[str, Task]) -> list[Case]:
    """A variant on all tasks, or on those that it names."""
    if variant == REAL:
        raise section.error("model", f"no variant can be called {REAL!r}: that is what each data set is compared with.")
    own = {
        "training": _training(section),
        "standing": section.get("standing", bool, True),
        "per_class": section.get("per_class", bool, False),
    }
    chosen = section.names("tasks", dict.fromkeys(name for task in tasks.values() for name in task.names))
    return [
        Case(variant, name, dict(task.settings) | own, task.bench, section.get("group", str, ""), section.at_least("seeds", 1, 0) or None)
        for name, task in tasks.items()
        if chosen is None or set(chosen) & set(task.names)
    ]


def _training(section: Section) -> dict[str, Any]:
    """All settings that decide the weights, defaults included: those shipped for the model, overridden by the variant's own."""
    model = section.get("model", str, "")
    with section.naming("model"):
        models.get(model)
    own = {str(name): value for name, value in section.values.items() if name not in VARIANT_KEYS}
    with section.naming("game"):
        shipped = model_values(model, own.get("game"))
        game = game_of(shipped | own)
        allowed = [name for group in OF_VARIANTS for name in entries(groups(game)[group])]
    values: dict[str, Any] = {}
    for name, value in own.items():
        values |= read_values({name: value}, section.place_of(name), game=game)
        if name not in allowed:
            raise section.error(name, f"a variant can't set this: the study decides. It can set {', '.join(allowed)}.")
    with section.naming():
        saved = make_config(shipped | values).saved()
    if saved.get("matched_features") == "classifier" and section.values.get("per_class"):
        raise section.error("matched_features", "a classifier needs several classes: it doesn't go with per_class.")
    return {name: saved[name] for name in ("model", "game", *allowed) if name in saved}


@cache
def load(bench: str) -> Dataset:
    """Loads the data of a bench, once.

    :raises UserError: if they can't be loaded, or are too few
    """
    told = json.loads(bench)
    options: dict[str, Any] = {name: tuple(value) if name == "resize" else value for name, value in told["data"].items()}
    with Section({}, told["place"]).naming():
        data = load_data(options.pop("source"), **options)
        data.split()
    return data


def make_benches(cases: Iterable[Case], place: str) -> dict[str, Bench]:
    """Prepares what the jobs of these cases need, and builds each model once, so that mismatches show before any training.

    :param place: the study's file, for messages
    :raises UserError: if data can't be loaded, or a model can't be built
    """
    distinct = {json.dumps(case.settings, sort_keys=True): case for case in cases}.values()
    for case in distinct:
        data = load(case.bench).train
        with Section({}, f"{place}, variants.{case.variant}: on {case.task}").naming():
            if "training" in case.settings:
                Trainer(make_config(case.settings["training"]), data.only(0) if case.settings["per_class"] else data).plan()
    benches = {}
    for case in distinct:
        if case.bench not in benches:
            with Section({}, f"{place}, metrics: on {case.task}").naming():
                benches[case.bench] = Bench.prepare(load(case.bench), **case.settings["evaluation"])
    return benches
