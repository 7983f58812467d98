"""From the coursework's agents, as far as their settings are known, to ours, one change at a time."""

import numpy as np
from reports import DocsTable, Report, without

from ca2_core.study.results import Array, Records, Results, iqm_text, label_text, mean_text, scores, succeeded
from ca2_core.tables import Table
from rl_reports import OURS, TARGET, regrets, solved_text
from rl_reports.overview import COURSEWORK


def returns_during(records: Records) -> Array:
    """Mean return of each training's own episodes, exploration included, of those that succeeded and ended an episode."""
    return np.array([np.mean(record["training_returns"]) for record in succeeded(records) if record["training_returns"]])


def changes(results: Results) -> str:
    """A row for each change, and where the regret falls below the target for good."""
    header = ["each change on top of the ones before", "return during the training", "return of the last model", "regret, IQM [95 %]"]
    header += ["steps to regret 15", "seeds below 15"]
    rows = []
    for agent in OURS.values():
        below = False
        rows.append([f"**{agent}: the coursework reported**", f"{COURSEWORK[agent]:.0f}", "", "", "", ""])
        for label, records in results.by_variant(group=agent).items():
            values = regrets(records)
            cut = any("env_kwargs" in results.settings(record)["hyperparams"] for record in records)  # fewer steps: no comparison
            cells = [
                label_text(label.removeprefix(f"{agent}, "), records),
                "-" if cut else mean_text(returns_during(records)),
                mean_text(scores(records, "return")),
                iqm_text(values),
                solved_text(records),
                f"{(values < TARGET).sum()} of {len(records)}",
            ]
            if not below and len(values) and np.median(values) < TARGET:
                below = True
                cells[0] = f"**{cells[0]}: here most seeds fall below {TARGET:g}**"
            rows.append(cells)
    note = (
        "\n\nThe coursework gives the algorithms and the values that it tuned; all else is SB3's default (11 torques), so that this is not "
        "its code. Its averages may be over the episodes of the training, exploration included: compare them with the first column."
    )
    return Table(header, rows).markdown() + note


REPORT = Report(
    tables={"changes": DocsTable("From the coursework's settings to ours", changes)},
    kept=without("regret_percentiles", "diagnostics"),
)
