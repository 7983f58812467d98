"""What each part of Rainbow is worth: all without one, and DQN with one."""

from functools import partial

from reports import DocsTable, Report, without

from ca2_core.study.results import Results, iqm_text, label_text, mean_text, scores
from ca2_core.tables import Table
from rl_reports import worst_text

GROUPS = {"minus": "Rainbow minus a part", "plus": "DQN plus a part"}


def parts(results: Results, group: str) -> str:
    """A row for each variant: score and seconds on each environment."""
    by_task = {task: results.by_variant(task, group) for task in results.tasks}
    header = ["agent"]
    for task in by_task:
        header += [f"{task}: return, IQM [95 %]", "worst seed", "seconds of a core"]
    variants = list(dict.fromkeys(variant for groups in by_task.values() for variant in groups))
    rows = []
    for variant in variants:
        row = [label_text(variant, next(groups[variant] for groups in by_task.values() if variant in groups))]
        for task, groups in by_task.items():
            records = groups.get(variant, [])
            returns = scores(records, "return")
            row += [iqm_text(returns), worst_text(returns, results.measure(task)), mean_text(scores(records, "train_seconds"))]
        rows.append(row)
    return Table(header, rows).markdown()


REPORT = Report(
    tables={name: DocsTable(group, partial(parts, group=group)) for name, group in GROUPS.items()},
    kept=without("training_returns", "diagnostics", "return_percentiles", "curve"),
)
