"""What the docs make of the project's own studies of GANs: tables and figures, next to ``ca2-gan study``'s general report.

``scripts/studies/gan-NAME.yml`` says what a study trains.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from reports import FILES, Report, find_module

from ca2_core.study import figures
from ca2_core.study.cases import Study
from ca2_core.study.results import Array, Record, Records, Results
from ca2_gan.study.spec import REAL, read_study

NAMES = ("reference", "overview", "changes", "noise")
MARKERS = "osD^vPX*<>"


def load_report(name: str) -> Report:
    """What the docs have of a study.

    :raises UserError: if there is no such study
    """
    report: Report = find_module("gan_reports", NAMES, name).REPORT
    return report


def load_study(name: str, quick: bool = False) -> Study:
    """What a study trains.

    :raises UserError: if there is no such study
    """
    find_module("gan_reports", NAMES, name)
    return read_study(FILES / f"gan-{name}.yml", quick)


def of_one_seed(*names: str) -> Any:
    """Keeps all of a record but these entries; what was drawn of the first seed alone: it is large, and one shows enough."""
    return lambda record: {k: v for k, v in record.items() if k not in names and (k != "drawn" or record["seed"] == 0)}


def trained(results: Results, task: str, group: str | None = None) -> dict[str, Records]:
    """The trainings of each variant, without real images."""
    return {variant: records for variant, records in results.by_variant(task, group).items() if variant != REAL}


def real(results: Results, task: str) -> Record:
    """What is known of the data, and the numbers that real images get."""
    return results.by_variant(task)[REAL][0]


def data_of(task: str) -> str:
    """Its data, without the budget."""
    return task.rpartition(", ")[0]


def is_timed(results: Results, task: str) -> bool:
    """Whether its budget is one of time."""
    first = next(chain.from_iterable(trained(results, task).values()))
    return "images" not in results.settings(first)["budget"]


def main_tasks(results: Results) -> list[str]:
    """For each data set, the budget that most variants had: of time, or, without one, of images; of several the first."""
    chosen: dict[str, str] = {}
    for task in results.tasks:
        before = chosen.setdefault(data_of(task), task)
        if _shared(results, task) > _shared(results, before):
            chosen[data_of(task)] = task
    return list(chosen.values())


def _shared(results: Results, task: str) -> tuple[bool, int]:
    return is_timed(results, task), len(trained(results, task))


def conditions(results: Results, shown: Iterable[Record] | None = None) -> str:
    """Where the numbers come from: of each data set a line, and below it the calls.

    :param shown: trainings that it is about; None for all
    """
    records = [record for record in (results.records if shown is None else shown) if record["variant"] != REAL]
    content, by_data = results.content, dict[str, Records]()
    for record in records:
        by_data.setdefault(data_of(record["task"]), []).append(record)
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    lines = [f"Measured on {content['machine']['cores']} cores with {versions}. The commands are those of that version.\n"]
    for data, found in by_data.items():
        facts = real(results, found[0]["task"])
        first, second = (f"{each['fingerprint']} with {each['accuracy']:.1%}" for each in facts["classifiers"].values())
        cpus = ", ".join(f"{n} on {cpu}" for cpu, n in Counter(record["cpu"] for record in found).items())
        lines.append(
            f"- {data}: {facts['n']:,} images on each side, classifier {first}, second classifier {second} on the held-out split. "
            f"{count_text(len(found))}: {cpus}."
        )
        calls = Counter(record.get("command", content["command"]) for record in found)
        lines += [f"  - `{call}`: {count_text(n)}" for call, n in calls.items()]
    return "\n".join(lines)


def count_text(n: int) -> str:
    return f"{n} training{'s' * (n > 1)}"


def spread_text(numbers: Array, digits: int) -> str:
    """Mean and, of several, the sample's standard deviation; a dash for nothing.

    :param digits: behind the point, of numbers below 100
    """
    if len(numbers) == 0:
        return "-"
    digits = 0 if abs(numbers.mean()) >= 100 else digits
    spread = f" ± {numbers.std(ddof=1):,.{digits}f}" if len(numbers) > 1 else ""
    return f"{numbers.mean():,.{digits}f}{spread}"


def number_text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def caption(task: str) -> str:
    """Of what these trainings had."""
    return f"{task} a training"


def parts(sections: dict[str, str]) -> str:
    """Sections under bold titles, with a line between; a dash where there is none."""
    return "\n\n".join(f"**{title}**\n\n{text}" for title, text in sections.items()) or "-"


def panels(heights: Sequence[float], width: float) -> tuple[Figure, list[Axes]]:
    """Panels one below the other, without boxes; an empty one for none.

    :param heights: of each, in inches
    """
    heights = heights or [1.0]
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    axes = list(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def plain_log(axis: Axis, ticks: tuple[float, ...] = (1.0, 2.0, 5.0)) -> None:
    """Plain numbers instead of powers of ten on a logarithmic axis.

    :param ticks: where, from 1 to 10, and likewise in every decade
    """
    axis.set_major_locator(LogLocator(10, subs=ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def style(i: int) -> dict[str, Any]:
    """Colour, line style and marker of the i-th line."""
    return figures.style(i) | {"marker": MARKERS[i % len(MARKERS)], "markersize": 5}


def curve_mean(records: Records, *names: str) -> list[Array]:
    """Lists of the curves, mean over the seeds."""
    return [np.mean([record["curve"][name] for record in records], axis=0) for name in names]
