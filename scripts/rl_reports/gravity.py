"""The agents on the pendulum at other gravities."""

from reports import DocsTable, Report, without

from ca2_core.study.results import Results, label_text, mean_text, range_text, scores
from ca2_core.tables import Table
from rl_reports import regrets


def agents(results: Results) -> str:
    """A row for each agent at each gravity."""
    header = ["gravity", "agent", "return", "regret", "best to worst seed"]
    rows = []
    for task in results.tasks:
        for i, (agent, records) in enumerate(results.by_variant(task).items()):
            row = ["" if i else task, label_text(agent, records), mean_text(scores(records, "return"))]
            rows.append([*row, mean_text(regrets(records)), range_text(regrets(records))])
    return Table(header, rows, texts=2).markdown()


REPORT = Report(
    tables={"agents": DocsTable("Regret of agents trained at each gravity, over 500 episodes", agents)},
    kept=without("training_returns", "diagnostics", "return_percentiles", "curve"),
)
