"""Whether agents whose gradient steps are compiled learn as those that make them eagerly."""

import numpy as np
from reports import DocsTable, Report, without
from scipy.stats import mannwhitneyu

from ca2_core.study.results import Array, Records, Results, iqm_text, label_text, mean_text, scores, succeeded
from ca2_core.tables import Table
from rl_reports import OURS, regrets

WAYS = ("compiled", "eager")


def log_areas(records: Records) -> Array:
    """Mean logarithm of the regret over each training: how fast and how well it learned, in one number, [seeds]."""
    curves = [np.maximum(record["curve"]["regret"], 0.1) for record in succeeded(records)]
    return np.array([np.log10(curve).mean() for curve in curves])


def compare(results: Results) -> str:
    """Both ways of each agent, and how surprising their difference would be between agents that learn alike."""
    header = ["", "regret, IQM [95 %]", "p of the regret", "p of the learning curve", "seconds of training"]
    rows = []
    for label in OURS.values():
        compiled, eager = (results.by_variant().get(f"{label}, {way}", []) for way in WAYS)
        for way, records in zip(WAYS, (compiled, eager), strict=True):
            tests = ["", ""]
            if records is eager:
                tests = [p_text(regrets(compiled), regrets(eager)), p_text(log_areas(compiled), log_areas(eager))]
            name = label_text(f"{label}, {way}", records)
            rows.append([name, iqm_text(regrets(records)), *tests, mean_text(scores(records, "train_seconds"))])
    return Table(header, rows).markdown() + "\n\np: two-sided test of Mann & Whitney over the seeds; for the curve, of its mean log regret."


def p_text(x: Array, y: Array) -> str:
    return f"{mannwhitneyu(x, y).pvalue:.2f}" if len(x) and len(y) else "-"


REPORT = Report(
    tables={"agents": DocsTable("Compiled and eager", compare)},
    kept=without("training_returns", "diagnostics", "regret_percentiles"),
)
