"""From the original study's agents, as far as their settings are known, to ours, one change at a time."""

import numpy as np
from reports import DocsTable, Report, without

from ca2_core.study.results import Results, iqm_text, label_text
from ca2_core.tables import Table
from rl_reports import OURS, TARGET, regrets


def changes(results: Results) -> str:
    """A row for each change; in bold the first after which most seeds end below the target."""
    rows = []
    for agent in OURS.values():
        below = False
        for label, records in results.by_variant(group=agent).items():
            values = regrets(records)
            text = label_text(label.replace("the coursework's", "SB3's defaults"), records)
            if not below and len(values) and np.median(values) < TARGET:
                below = True
                text = f"**{text}**"
            rows.append([text.replace(f"{agent}, +", "+"), iqm_text(values), f"{(values < TARGET).sum()} of {len(records)}"])
    return Table(["each change on top of the ones before", "regret, IQM [95 %]", f"seeds below {TARGET:g}"], rows).markdown()


REPORT = Report(
    tables={"changes": DocsTable("From SB3's defaults to our settings", changes)},
    kept=without("regret_percentiles", "diagnostics"),
)
