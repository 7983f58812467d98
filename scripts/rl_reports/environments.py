"""The agents on other environments than Pendulum-v1."""

from ca2_core.study.results import Results, iqm_text, label_text, mean_text, scores
from ca2_core.tables import Table
from rl_reports import Report, Titled


def agents(results: Results) -> str:
    """A row for each agent on each environment."""
    header = ["environment", "agent", "steps", "return, IQM [95 %]", "worst seed", "seconds of a core"]
    rows = []
    for task in results.tasks:
        for i, (agent, records) in enumerate(results.by_variant(task).items()):
            returns = scores(records, "return")
            worst = f"{min(returns):.1f}" if len(returns) else "-"
            steps = f"{results.settings(records[0])['n_timesteps']:,}"
            seconds = mean_text(scores(records, "train_seconds"))
            rows.append(["" if i else task, label_text(agent, records), steps, iqm_text(returns), worst, seconds])
    return Table(header, rows).markdown()


REPORT = Report(
    tables={"agents": Titled("Returns of the last model over 100 episodes", agents)},
    left_out=("training_returns", "diagnostics", "return_percentiles", "curve"),
)
