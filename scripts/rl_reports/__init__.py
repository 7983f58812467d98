"""What the docs make of the project's own studies of agents: tables and figures, a module each, next to ``ca2-rl study``'s general report.

``scripts/studies/NAME.yml`` says what a study trains; a module without such a file has a function ``content`` that says the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ca2_core.errors import UserError, did_you_mean
from ca2_core.study.cases import Measure, Study
from ca2_core.study.file import Section
from ca2_core.study.results import Array, Records, Results, reached_text, scores
from ca2_rl.study.spec import make_study, read_study

FILES = Path(__file__).parents[1] / "studies"
NAMES = ("overview", "tuning", "exploration", "episodes", "coursework", "compiled", "environments")

PENDULUM = "Pendulum-v1"
# The regret that counts as solved
TARGET = 15.0
REGRET = Measure("regret", lower_is_better=True, thresholds=(TARGET,))
# Evaluations of the studies on Pendulum-v1; the starts are none that hyperparameters were chosen on
EVALUATION = {"metric": "regret", "episodes": 500, "evaluations": 20, "curve_episodes": 100, "thresholds": [15]}
OURS = {"discretizeddqn": "DiscretizedDQN", "noisydqn": "NoisyDQN", "ouddpg": "OUDDPG"}


@dataclass(frozen=True)
class DocsTable:
    """A table of the docs.

    :param title: what it shows, as a caption
    :param make: its Markdown, with a sentence on how to read it where needed
    """

    title: str
    make: Callable[[Results], str]


@dataclass(frozen=True)
class Picture:
    """A figure of the docs, likewise."""

    title: str
    make: Callable[[Results], Figure]


@dataclass(frozen=True)
class Report:
    """What the docs have of a study.

    :param tables: by name
    :param pictures: by name
    :param kept: of a record, what the docs' measurements keep
    """

    tables: dict[str, DocsTable]
    pictures: dict[str, Picture] = field(default_factory=dict)
    kept: Callable[[dict[str, Any]], dict[str, Any]] = lambda record: record


def without(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Keeps all of a record but these entries."""
    return lambda record: {name: value for name, value in record.items() if name not in names}


def _module(name: str) -> Any:
    if name not in NAMES:
        raise UserError(f"no study named {name!r}.{did_you_mean(name, NAMES)} There are {', '.join(NAMES)}.")
    return import_module(f"rl_reports.{name}")


def load_report(name: str) -> Report:
    """What the docs have of a study.

    :raises UserError: if there is no such study
    """
    report: Report = _module(name).REPORT
    return report


def load_study(name: str, quick: bool = False) -> Study:
    """What a study trains.

    :raises UserError: if there is no such study
    """
    module, path = _module(name), FILES / f"{name}.yml"
    return read_study(path, quick) if path.is_file() else make_study(Section(module.content(), f"{name}"), name, FILES, quick)


def regrets(records: Records) -> Array:
    """Of each training that succeeded, [seeds]."""
    return scores(records, "regret")


def solved_text(records: Records, axis: str = "steps", digits: int = 0) -> str:
    """When ``TARGET`` was reached: the median over the seeds, and how many did."""
    return reached_text(records, REGRET, TARGET, axis, digits)
