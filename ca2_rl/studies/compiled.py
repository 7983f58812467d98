"""Whether agents whose gradient steps are compiled learn as those that make them eagerly."""

import numpy as np
from scipy.stats import mannwhitneyu

from ca2_rl.studies.jobs import Variant
from ca2_rl.studies.overview import CURVES, OURS
from ca2_rl.studies.results import Array, Records, Results, iqm_text, label_text, markdown, mean_text, scores, succeeded
from ca2_rl.studies.settings import shipped
from ca2_rl.studies.study import Study, Table

# What each changes in the shipped settings, whose trainings are long enough to be compiled by default
WAYS: dict[str, dict[str, bool]] = {"compiled": {}, "eager": {"compile": False}}


def variants() -> list[Variant]:
    return [
        Variant(f"{label}, {way}", algo, shipped(algo, **changes), {"agent": label, "way": way})
        for algo, label in OURS.items()
        for way, changes in WAYS.items()
    ]


def log_areas(records: Records) -> Array:
    """Mean logarithm of the regret over each training: how fast and how well it learned, in one number, [seeds]."""
    curves = [np.maximum(record["curve"]["regret"], 0.1) for record in succeeded(records)]
    return np.array([np.log10(curve).mean() for curve in curves])


def compare(results: Results) -> str:
    """Both ways of each agent, and how surprising their difference would be between agents that learn alike."""
    header = ["", "regret, IQM [95 %]", "p of the regret", "p of the learning curve", "seconds of training"]
    rows = []
    for label in OURS.values():
        compiled, eager = (results.tagged(agent=label, way=way) for way in WAYS)
        for way, records in zip(WAYS, (compiled, eager), strict=True):
            tests = ["", ""]
            if records is eager:
                tests = [p_text(scores(compiled), scores(eager)), p_text(log_areas(compiled), log_areas(eager))]
            name = label_text(f"{label}, {way}", records)
            rows.append([name, iqm_text(scores(records)), *tests, mean_text(scores(records, "train_seconds"))])
    return markdown(header, rows) + "\n\np: two-sided test of Mann & Whitney over the seeds; for the curve, of its mean log regret."


def p_text(x: Array, y: Array) -> str:
    return f"{mannwhitneyu(x, y).pvalue:.2f}" if len(x) and len(y) else "-"


STUDY = Study(
    "compiled",
    "compiled gradient steps against eager ones: the same learning curves?",
    variants,
    seeds=10,
    tables={"agents": Table("Compiled and eager", compare)},
    pictures={"curves": CURVES},
    leaves_out=frozenset({"training_returns", "diagnostics", "regret_percentiles"}),
)
