"""How long the episodes of a training are: the shorter, the more starts in as many steps."""

from ca2_core.study.results import Results
from rl_reports import Report, Titled, columns, table
from rl_reports.coursework import curves

COLUMNS = columns("regret, IQM [95 %]", "best to worst seed", "steps to regret 15", "seconds of training")


def compare(results: Results) -> str:
    """A row for each width and length."""
    return table(results.by_variant(), "as shipped, but for", COLUMNS)


REPORT = Report(
    tables={"lengths": Titled("Length of the training's episodes", compare)},
    pictures={"curves": curves("DiscretizedDQN", "with episodes of different lengths")},
    left_out=("training_returns", "diagnostics", "regret_percentiles"),
)
