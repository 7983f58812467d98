"""One change at a time from a named baseline: what helps, and what only costs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from ca2_core.tables import Table
from ca2_gan.studies.figures import COLORS, panels, plain_log
from ca2_gan.studies.jobs import Variant, as_shipped
from ca2_gan.studies.results import Records, Results, by_label, caption, label_text, mean_text, parts, spread_text, values
from ca2_gan.studies.study import Picture, Study, StudyTable

# The quickest DCGAN of the zoo, the best of the small models, and the conditional model
DCGAN, LETTERS, CGAN = "dcgan_radford", "letters_gan", "cgan"
# Of the table, with their headings
SCORES = {"kl_class": "KL class", "precision": "precision", "recall": "recall", "acc": "accuracy"}
# Of the figure's axis
TICKS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
BASELINES = {model: f"{model}, as shipped" for model in (DCGAN, LETTERS, CGAN)}
# Of R1 + R2, as of r3gan
PENALTIES: dict[str, Any] = {"r1": 0.3, "r2": 0.3}


def variants() -> list[Variant]:
    """Each baseline, then its changes."""
    return [
        change(DCGAN, "as shipped"),
        change(DCGAN, "the tutorial's Adam and batches", batch_size=256, lr_g=1e-4, lr_d=1e-4, beta1=0.9),
        change(DCGAN, "Glorot-uniform weights at the start", options=("glorot=true",)),
        change(DCGAN, "the coursework's networks", model="dcgan"),
        change(DCGAN, "spectral norm", spectral_norm=True),
        change(DCGAN, "R1 + R2", **PENALTIES),
        change(DCGAN, "feature matching", feature_matching=1.0),
        change(DCGAN, "feature matching of a frozen classifier", feature_matching=1.0, matched_features="classifier"),
        change(DCGAN, "noise on real and generated images", augment=("noise:0.1",)),
        change(DCGAN, "noise on real images only", augment=("noise:0.1",), augment_on="real"),
        change(DCGAN, "DiffAugment", augment=("diffaugment",)),
        change(DCGAN, "without averaged weights", ema_half_life=0),
        change(DCGAN, "without standing statistics", standing=False),
        change(DCGAN, "without both", standing=False, ema_half_life=0),
        change(LETTERS, "as shipped"),
        change(LETTERS, "without spectral norm", options=("d_spectral_norm=false",)),
        change(LETTERS, "R1 + R2 instead of spectral norm", options=("d_spectral_norm=false",), **PENALTIES),
        change(LETTERS, "without projection", options=("projection=false",)),
        change(LETTERS, "without class maps", options=("class_maps=false",)),
        change(LETTERS, "the non-saturating loss", loss="non-saturating"),
        change(LETTERS, "the same learning rate for both", lr_d=1e-3),
        change(LETTERS, "without averaged weights", ema_half_life=0),
        change(CGAN, "as shipped"),
        change(CGAN, "without wrong labels", mismatched=0.0),
        # cgan's networks but for the label
        Variant("a dcgan_enhanced for each class", as_shipped("dcgan_enhanced"), {"baseline": CGAN}, per_class=True),
    ]


def change(baseline: str, what: str, standing: bool = True, **settings: Any) -> Variant:
    """The baseline with other settings."""
    return Variant(f"{baseline}, {what}", as_shipped(baseline) | settings, {"baseline": baseline}, standing)


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


def effect(baseline: Records, changed: Records, scores: str = "scores") -> Effect | None:
    """Welch's t interval of the difference of log FCD; None with fewer than two seeds of one of them.

    :param scores: the first classifier's, or "second"
    """
    before, after = (np.log(np.maximum(values(records, "fcd", scores), 1e-9)) for records in (baseline, changed))
    if min(len(before), len(after)) < 2 or np.ptp(before) + np.ptp(after) == 0:
        return None
    bounds = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    return Effect(float(np.exp(after.mean() - before.mean())), float(np.exp(bounds.low)), float(np.exp(bounds.high)))


def effects(records: Records, scores: str = "scores") -> dict[str, tuple[Records, Effect | None]]:
    """Of each variant that is there; of a baseline None.

    :param scores: the first classifier's, or "second"
    """
    groups = by_label(records)
    found = {}
    for label, group in groups.items():
        baseline = BASELINES[group[0]["tags"]["baseline"]]
        found[label] = (group, None if label == baseline else effect(groups.get(baseline, []), group, scores))
    return found


def table_of_changes(results: Results) -> str:
    """A row for each variant; a table for each data set and budget."""
    header = ["", "FCD", "times the baseline's FCD [95 %]", "in words", "by the second classifier [95 %]", *SCORES.values(), "images"]
    sections = {}
    for (data, budget), records in results.groups().items():
        rows, by_second = [], effects(records, "second")
        for label, (group, found) in effects(records).items():
            is_baseline = label in BASELINES.values()
            name = label_text(label, group)
            second = by_second[label][1]
            shown = [found.in_numbers, found.in_words] if found else ["-", "too few seeds"]
            rows.append(
                [
                    f"**{name}**" if is_baseline else name,
                    spread_text(values(group, "fcd"), 1),
                    *(["1", "the baseline", "1"] if is_baseline else [*shown, second.in_numbers if second else "-"]),
                    *(spread_text(values(group, score), 2) for score in SCORES),
                    mean_text(values(group, "images")),
                ]
            )
        sections[caption(data, budget)] = Table(header, rows).markdown()
    note = (
        "\n\nBelow 1 is better than the baseline, in bold, of the same model (the DCGANs for each class: that of cgan). Ratio of geometric "
        "means over the seeds; its interval is Welch's, of log FCD; the words are the first classifier's. Of twenty changes that do "
        "nothing, one seems to do something."
    )
    return parts(sections) + note


def forest(results: Results) -> Figure:
    """Each change's ratio with its interval; a panel a data set."""
    main = {data: effects(records) for data, (_, records) in results.main().items()}
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


STUDY = Study(
    "changes",
    "one change at a time: optimiser, initialisation, networks, norms, penalties, losses, augmentation, averaging, labels",
    variants,
    tables={"changes": StudyTable("Changes to a baseline", table_of_changes)},
    pictures={"forest": Picture("FCD after each change over that of the baseline", forest)},
    leaves_out=frozenset({"settings", "classes", "curve"}),
)
