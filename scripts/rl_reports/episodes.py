"""How long the episodes of a training are: the shorter, the more starts in as many steps."""

from matplotlib.figure import Figure
from reports import DocsTable, Picture, Report, without

from ca2_core.study.figures import learning_curves
from ca2_core.study.results import Results
from rl_reports import REGRET, columns, table

COLUMNS = columns("regret, IQM [95 %]", "best to worst seed", "steps to regret 15", "seconds of training")


def compare(results: Results) -> str:
    """A row for each width and length."""
    return table(results.by_variant(), "as shipped, but for", COLUMNS)


def curves(results: Results) -> Figure:
    """Regret of DiscretizedDQN over the training, a line for each width and length."""
    groups = results.by_variant(group="DiscretizedDQN").items()
    return learning_curves({label.removeprefix("DiscretizedDQN, "): records for label, records in groups}, REGRET)


REPORT = Report(
    tables={"lengths": DocsTable("Length of the training's episodes", compare)},
    pictures={"curves": Picture("DiscretizedDQN: regret over the training, with episodes of different lengths", curves)},
    kept=without("training_returns", "diagnostics", "regret_percentiles"),
)
