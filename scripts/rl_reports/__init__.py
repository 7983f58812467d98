"""What the docs make of the project's own studies of agents: tables and figures, a module each, next to ``ca2-rl study``'s general report.

``scripts/studies/NAME.yml`` says what a study trains; a module without such a file has a function ``content`` that says the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

from reports import FILES, Report, find_module

from ca2_core.study.cases import Measure, Study
from ca2_core.study.file import Section
from ca2_core.study.results import Array, Records, iqm_text, label_text, mean_text, range_text, reached_text, scores
from ca2_core.tables import Table
from ca2_rl.study.spec import make_study, read_study

NAMES = ("pendulum-matched", "tuning", "exploration", "episodes", "coursework", "compiled", "environments", "parts", "gravity")

PENDULUM = "Pendulum-v1"
# The regret that counts as solved
TARGET = 15.0
REGRET = Measure("regret", lower_is_better=True, thresholds=(TARGET,))
# Evaluations of the studies on Pendulum-v1; the starts are none that hyperparameters were chosen on
EVALUATION = {"metric": "regret", "episodes": 500, "evaluations": 20, "curve_episodes": 100, "thresholds": [15]}
OURS = {"discretizeddqn": "DiscretizedDQN", "noisydqn": "NoisyDQN", "ouddpg": "OUDDPG"}


def load_report(name: str) -> Report:
    """What the docs have of a study.

    :raises UserError: if there is no such study
    """
    report: Report = find_module("rl_reports", NAMES, name).REPORT
    return report


def load_study(name: str, quick: bool = False) -> Study:
    """What a study trains.

    :raises UserError: if there is no such study
    """
    module, path = find_module("rl_reports", NAMES, name), FILES / f"{name}.yml"
    return read_study(path, quick) if path.is_file() else make_study(Section(module.content(), f"{name}"), name, FILES, quick)


def study_content(title: str, seeds: int | list[int], variants: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the file of a study on Pendulum-v1 would say."""
    return {"title": title, "seeds": seeds, "evaluation": EVALUATION, "environments": {PENDULUM: {}}, "variants": variants}


def regrets(records: Records) -> Array:
    """Of each training that succeeded, [seeds]."""
    return scores(records, "regret")


def worst_text(values: Array, measure: Measure) -> str:
    """The worst of the seeds; a dash for nothing."""
    return f"{max(values) if measure.lower_is_better else min(values):.1f}" if len(values) else "-"


def solved_text(records: Records) -> str:
    """After how many steps ``TARGET`` was reached: the median over the seeds, and how many did."""
    return reached_text(records, REGRET, TARGET, "steps", 0)


Columns = Mapping[str, Callable[[Records], str]]
"""What a table says of the trainings of a variant, by heading."""

COLUMNS: Columns = {
    "regret, IQM [95 %]": lambda records: iqm_text(regrets(records)),
    "best to worst seed": lambda records: range_text(regrets(records)),
    "steps to regret 15": solved_text,
    "seconds of training": lambda records: mean_text(scores(records, "train_seconds")),
}


def columns(*headings: str) -> dict[str, Callable[[Records], str]]:
    """Some of the ``COLUMNS``."""
    return {heading: COLUMNS[heading] for heading in headings}


def table(groups: Mapping[str, Records], first: str, columns: Columns, texts: int = 1) -> str:
    """A row for each variant: its label under ``first``, then the columns."""
    rows = [[label_text(label, records), *(cell(records) for cell in columns.values())] for label, records in groups.items()]
    return Table([first, *columns], rows, texts=texts).markdown()
