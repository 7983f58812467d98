"""What the docs make of the project's own studies of agents: tables and figures, a module each, next to ``ca2-rl study``'s general report.

``scripts/studies/NAME.yml`` says what a study trains; a module without such a file has a function ``content`` that says the same.
"""

from reports import FILES, Report, find_module

from ca2_core.study.cases import Measure, Study
from ca2_core.study.file import Section
from ca2_core.study.results import Array, Records, reached_text, scores
from ca2_rl.study.spec import make_study, read_study

NAMES = ("overview", "tuning", "exploration", "episodes", "coursework", "compiled", "environments")

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


def regrets(records: Records) -> Array:
    """Of each training that succeeded, [seeds]."""
    return scores(records, "regret")


def solved_text(records: Records, axis: str = "steps", digits: int = 0) -> str:
    """When ``TARGET`` was reached: the median over the seeds, and how many did."""
    return reached_text(records, REGRET, TARGET, axis, digits)
