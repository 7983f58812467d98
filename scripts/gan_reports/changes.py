"""One change at a time from a named baseline: what helps, and what only costs."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from reports import DocsTable, Picture, Report
from scipy import stats

from ca2_core.study.figures import COLORS
from ca2_core.study.results import Records, Results, label_text, mean_text, scores
from ca2_core.tables import Table
from ca2_gan.study.training import SECOND
from gan_reports import caption, conditions, data_of, main_tasks, of_one_seed, panels, parts, plain_log, spread_text, trained

# Of the table, with their headings
SCORES = {"kl_class": "KL class", "precision": "precision", "recall": "recall", "acc": "accuracy"}
# Of the figure's axis
TICKS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


def baseline_of(group: str) -> str:
    """The variant that the others of a group are compared with."""
    return f"{group}, as shipped"


@dataclass(frozen=True)
class Effect:
    """How many times the baseline's FCD a change has: ratio of the geometric means, with its 95 % interval."""

    ratio: float
    low: float
    high: float

    @property
    def in_numbers(self) -> str:
        ratio, low, high = (f"{value:.2f}" if value < 100 else f"{value:,.0f}" for value in (self.ratio, self.low, self.high))
        return f"{ratio} [{low}, {high}]"

    @property
    def in_words(self) -> str:
        if self.low <= 1 <= self.high:
            return "no difference shown"
        return "better" if self.high < 1 else "worse"


def effect(baseline: Records, changed: Records, name: str = "fcd") -> Effect | None:
    """Welch's t interval of the difference of log FCD; None with fewer than two seeds of one of them.

    :param name: of the FCD, by the first classifier or the second
    """
    before, after = (np.log(np.maximum(scores(records, name), 1e-9)) for records in (baseline, changed))
    if min(len(before), len(after)) < 2 or np.ptp(before) + np.ptp(after) == 0:
        return None
    bounds = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    return Effect(float(np.exp(after.mean() - before.mean())), float(np.exp(bounds.low)), float(np.exp(bounds.high)))


def effects(results: Results, task: str, name: str = "fcd") -> dict[str, tuple[Records, Effect | None]]:
    """Of each variant that is there; of a baseline None.

    :param name: of the FCD, by the first classifier or the second
    """
    found = {}
    for group in results.groups(task):
        variants = trained(results, task, group)
        baseline = variants.get(baseline_of(group), [])
        found |= {label: (records, None if records is baseline else effect(baseline, records, name)) for label, records in variants.items()}
    return found


def table_of_changes(results: Results) -> str:
    """A row for each variant; a table for each data set and budget."""
    header = ["", "FCD", "times the baseline's FCD [95 %]", "in words", "by the second classifier [95 %]", *SCORES.values(), "images"]
    sections = {}
    for task in results.tasks:
        baselines = {baseline_of(group) for group in results.groups(task)}
        rows, by_second = [], effects(results, task, "fcd" + SECOND)
        for label, (group, found) in effects(results, task).items():
            is_baseline = label in baselines
            name = label_text(label, group)
            second = by_second[label][1]
            shown = [found.in_numbers, found.in_words] if found else ["-", "too few seeds"]
            rows.append(
                [
                    f"**{name}**" if is_baseline else name,
                    spread_text(scores(group, "fcd"), 1),
                    *(["1", "the baseline", "1"] if is_baseline else [*shown, second.in_numbers if second else "-"]),
                    *(spread_text(scores(group, score), 2) for score in SCORES),
                    mean_text(scores(group, "images"), 0),
                ]
            )
        sections[caption(task)] = Table(header, rows).markdown()
    note = (
        "\n\nBelow 1 is better than the baseline, in bold, of the same model (the DCGANs for each class: that of cgan). Ratio of geometric "
        "means over the seeds; its interval is Welch's, of log FCD; the words are the first classifier's. Of twenty changes that do "
        "nothing, one seems to do something."
    )
    return parts(sections) + note


def forest(results: Results) -> Figure:
    """Each change's ratio with its interval; a panel a data set."""
    main = {data_of(task): effects(results, task) for task in main_tasks(results)}
    figure, axes = panels([1.2 + 0.28 * len(found) for found in main.values()], 8.6)
    for panel, (data, found) in zip(axes, main.items(), strict=False):
        shown = [(label, each) for label, (_, each) in found.items() if each is not None]
        # Few seeds make intervals that no axis could hold
        extremes = [0.8 * min((e.low for _, e in shown), default=1), 1.25 * max((e.high for _, e in shown), default=1)]
        left, right = np.clip(extremes, 0.1, 10)
        panel.set_xlim(left, right)
        for i, (_, each) in enumerate(shown):
            color = {"better": COLORS[2], "worse": COLORS[1]}.get(each.in_words, "0.4")
            panel.plot([each.low, each.high], [i, i], color=color, linewidth=1.6)
            if each.ratio > right:
                panel.text(right, i, f"{each.ratio:.3g} → ", color=color, ha="right", va="center")
            elif each.ratio < left:
                panel.text(left, i, f" ← {each.ratio:.2g}", color=color, ha="left", va="center")
            else:
                panel.plot([each.ratio], [i], "o", color=color)
        panel.axvline(1, color="0.5", linewidth=0.8)
        panel.set_yticks(range(len(shown)), [label for label, _ in shown])
        panel.set_ylim(max(len(shown), 1) - 0.5, -0.5)
        panel.set_xscale("log")
        plain_log(panel.xaxis, TICKS)
        panel.grid(axis="x", alpha=0.25, linewidth=0.6)
        panel.set_xlabel("Times the baseline's FCD (left of 1 is better)")
        panel.set_title(data, loc="left", fontsize=10)
    return figure


REPORT = Report(
    tables={
        "changes": DocsTable("Changes to a baseline", table_of_changes),
        "conditions": DocsTable("Where the numbers come from", conditions),
    },
    pictures={"forest": Picture("FCD after each change over that of the baseline", forest)},
    kept=of_one_seed("classes", "curve"),
)
