"""The agents on other environments than Pendulum-v1, and beside those of Stable-Baselines3 and rl-zoo3."""

from functools import partial

from reports import DocsTable, Report, without

from ca2_core.study.results import Results, iqm_text, label_text, mean_text, scores
from ca2_core.tables import Table
from rl_reports import OURS, worst_text


def agents(results: Results) -> str:
    """A row for each agent on each environment."""
    header = ["environment", "agent", "measure", "IQM [95 %]", "worst seed", "steps", "seconds of a core"]
    rows = []
    for task in results.tasks:
        measure = results.measure(task)
        for i, (agent, records) in enumerate(results.by_variant(task).items()):
            values = scores(records, measure.name)
            steps = f"{results.settings(records[0])['n_timesteps']:,}"
            seconds = mean_text(scores(records, "train_seconds"))
            where = ["", ""] if i else [task, measure.name]
            rows.append([where[0], label_text(agent, records), where[1], iqm_text(values), worst_text(values, measure), steps, seconds])
    return Table(header, rows, texts=3).markdown()


def environments(results: Results, agent: str) -> str:
    """A row for each environment of one agent."""
    header = ["environment", "measure", "IQM [95 %]", "worst seed", "seeds", "steps", "seconds of a core"]
    rows = []
    for task in results.tasks:
        if records := results.by_variant(task).get(agent):
            measure, steps = results.measure(task), results.settings(records[0])["n_timesteps"]
            values, seconds = scores(records, measure.name), mean_text(scores(records, "train_seconds"))
            rows.append([task, measure.name, iqm_text(values), worst_text(values, measure), str(len(values)), f"{steps:,}", seconds])
    return Table(header, rows, texts=2).markdown()


REPORT = Report(
    tables={"agents": DocsTable("The last model over 100 episodes", agents)}
    | {name.lower(): DocsTable(name, partial(environments, agent=name)) for name in (*OURS.values(), "Rainbow")},
    kept=without("training_returns", "diagnostics", "return_percentiles", "curve"),
)
