"""How long the episodes of a training are: the shorter, the more starts in as many steps."""

from reports import DocsTable, Report, without

from ca2_core.study.results import Results, iqm_text, label_text, mean_text, range_text, scores
from ca2_core.tables import Table
from rl_reports import regrets, solved_text
from rl_reports.coursework import curves


def compare(results: Results) -> str:
    """A row for each width and length."""
    header = ["as shipped, but for", "regret, IQM [95 %]", "best to worst seed", "steps to regret 15", "seconds of training"]
    rows = []
    for label, records in results.by_variant().items():
        values = regrets(records)
        seconds = mean_text(scores(records, "train_seconds"))
        rows.append([label_text(label, records), iqm_text(values), range_text(values), solved_text(records), seconds])
    return Table(header, rows).markdown()


REPORT = Report(
    tables={"lengths": DocsTable("Length of the training's episodes", compare)},
    pictures={"curves": curves("DiscretizedDQN", "with episodes of different lengths")},
    kept=without("training_returns", "diagnostics", "regret_percentiles"),
)
