"""Which classes are easy and which are hard."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from string import ascii_uppercase
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from reports import DocsTable, Picture
from scipy import stats

from ca2_core.study.results import Array, Record, Records, Results, mean_text, scores, succeeded
from ca2_core.tables import Table
from ca2_gan.data.glyphs import pen_strokes
from gan_reports import caption, data_of, main_tasks, panels, parts, real, trained

# What the original study found
EASY, HARD = "ILOT", "MWKR"
LETTERS = tuple(ascii_uppercase)
# Those whose small letter looks unlike the capital: the eleven that EMNIST's ByMerge keeps apart (Cohen et al. 2017, section II)
TWO_FORMS = tuple("ABDEFGHNQRT")
# Precision below which a model has not learned to draw: which classes its gray blobs resemble says nothing
LEARNED = 0.1


@dataclass(frozen=True)
class Trait:
    """Something about a class that could make it easy or hard.

    :param of: from the record of real images and the name of the class; None where it is not known
    :param digits: after the point, in tables
    """

    heading: str
    of: Callable[[dict[str, Any], str], float | None]
    digits: int


TRAITS = (
    Trait("FCD, floor", lambda facts, name: facts["classes"][name]["fcd"], 0),
    Trait("share of ink", lambda facts, name: facts["looks"][name]["ink"], 3),
    Trait("variance within", lambda facts, name: facts["looks"][name]["variance"], 3),
    Trait("strokes", lambda facts, name: pen_strokes(name.upper()), 0),
    Trait("two forms", lambda facts, name: float(name.upper() in TWO_FORMS) if name.upper() in LETTERS else None, 0),
    Trait("mistaken", lambda facts, name: 1 - facts["classes"][name]["acc"], 3),
)
TRAITS_TEXT = (
    "FCD, floor: of real images of the class. Variance: of a pixel within the class, mean over the pixels. Strokes: in which Hershey's "
    "plain font draws the capital. Two forms: 1 where the small letter looks unlike the capital, which matters where the data have both "
    f"({', '.join(TWO_FORMS)}). Mistaken: share of the held-out images of the class that the classifier takes for another."
)


@dataclass(frozen=True)
class Ranking:
    """Ranks of the classes of one data set, 1 the easiest.

    :param names: of the classes, from easy to hard [K]
    :param models: labels of the models [M]
    :param ranks: of each class in each model, by its FCD, mean over the seeds [M, K]; a class of which too few images were made is last
    :param distances: these FCDs [M, K], infinite for such a class
    :param facts: the record of real images
    """

    names: tuple[str, ...]
    models: tuple[str, ...]
    ranks: Array
    distances: Array
    facts: Record

    @property
    def means(self) -> Array:
        """Mean rank over the models, [K]."""
        means: Array = self.ranks.mean(axis=0)
        return means


def class_distances(records: Records, names: Iterable[str]) -> Array:
    """FCD of each class, mean over the trainings: [K]; infinite where one of them made too few images of the class to tell."""
    found = [[record["classes"].get(name, {}).get("fcd") for name in names] for record in succeeded(records)]
    table = np.array([[np.inf if value is None else value for value in row] for row in found], dtype=np.float64)
    mean: Array = table.mean(axis=0)
    return mean


def rankings(results: Results) -> dict[str, Ranking]:
    """By task, those of the main budgets, of the models that learned to draw; nothing where none did."""
    found = {}
    for task in main_tasks(results):
        facts = real(results, task)
        names = tuple(facts["looks"])
        precisions = {label: scores(group, "precision") for label, group in trained(results, task).items()}
        learned = [label for label, values in precisions.items() if len(values) and values.mean() >= LEARNED]
        groups = {label: class_distances(trained(results, task)[label], names) for label in learned}
        if groups:
            distances = np.stack(list(groups.values()))
            ranks = stats.rankdata(distances, axis=1)
            order = np.argsort(ranks.mean(axis=0), kind="stable")
            sorted_names = tuple(names[i] for i in order)
            found[task] = Ranking(sorted_names, tuple(groups), ranks[:, order], distances[:, order], facts)
    return found


def table_of_classes(results: Results) -> str:
    """A row for each class."""
    header = ["class", "mean rank", "best to worst rank", "FCD, mean", *(trait.heading for trait in TRAITS), "not made by"]
    sections = {}
    for task, ranking in rankings(results).items():
        rows = []
        for i, name in enumerate(ranking.names):
            known = ranking.distances[:, i][np.isfinite(ranking.distances[:, i])]
            traits = [(trait.of(ranking.facts, name), trait.digits) for trait in TRAITS]
            rows.append(
                [
                    name,
                    f"{ranking.means[i]:.1f}",
                    f"{ranking.ranks[:, i].min():g} to {ranking.ranks[:, i].max():g}",
                    mean_text(known, 0),
                    *("-" if value is None else f"{value:,.{digits}f}" for value, digits in traits),
                    f"{len(ranking.models) - len(known)} of {len(ranking.models)}",
                ]
            )
        sections[_caption(task, ranking)] = Table(header, rows).markdown()
    note = (
        "\n\nRank among the classes by FCD, mean over the seeds, within each model, then the mean over the models, so that a model that is "
        "bad at everything weighs no more than others. A class of which a training made fewer than ten images is last, and in no mean FCD. "
        f"Models whose mean precision is below {LEARNED:g} have not learned to draw, and are left out. "
    )
    return parts(sections) + note + TRAITS_TEXT


def _caption(task: str, ranking: Ranking) -> str:
    m = len(ranking.models)
    return f"{caption(task)}, {m} model{'s' * (m != 1)}"


def easy_and_hard(ranking: Ranking) -> tuple[dict[str, float], dict[str, float], float] | None:
    """Mean ranks of the original study's easy letters and of its hard ones, by letter, and Mann and Whitney's p, one-sided.

    None where one of the two groups is not among the classes.
    """
    names = [name.upper() for name in ranking.names]
    easy, hard = ({letter: float(ranking.means[names.index(letter)]) for letter in group if letter in names} for group in (EASY, HARD))
    if not (easy and hard):
        return None
    ranks = [list(group.values()) for group in (easy, hard)]
    return easy, hard, float(stats.mannwhitneyu(*ranks, alternative="less", method="exact").pvalue)


def claim(results: Results) -> str:
    """Whether the original study's easy letters come before its hard ones."""
    sections = {}
    for task, ranking in rankings(results).items():
        found = easy_and_hard(ranking)
        if found is None:
            sections[_caption(task, ranking)] = "These letters are not among the classes."
            continue
        easy, hard, p = found
        names, shown = [name.upper() for name in ranking.names], {**easy, **hard}
        rows = [
            ["the original study", *["easy"] * len(easy), *["hard"] * len(hard)],
            ["mean rank", *(f"{rank:.1f}" for rank in shown.values())],
            ["place", *(f"{names.index(letter) + 1} of {len(names)}" for letter in shown)],
        ]
        # One-sided: so many letters in a random order would come out as clearly as this with this probability
        verdict = "holds" if p < 0.05 else "cannot be told from chance" if p < 0.95 else "is the wrong way round"
        text = (
            f"The claim {verdict}: mean rank {fmean(easy.values()):.1f} of the easy ones, {fmean(hard.values()):.1f} of the hard ones "
            f"(Mann-Whitney, one-sided, p = {p:.3f}; {(len(names) + 1) / 2:g} is the middle)."
        )
        if len(shown) < len(EASY + HARD):
            text += f" The clearest order of {len(shown)} letters would have p = {1 / math.comb(len(shown), len(easy)):.3f}."
        sections[_caption(task, ranking)] = f"{Table(['', *shown], rows).markdown()}\n\n{text}"
    return parts(sections)


def agreement(results: Results) -> str:
    """Rank correlation of the classes' FCD between models, and between the seeds of each."""
    header = ["model", "with the other models, mean", "least", "most", "between its own seeds, mean"]
    sections = {}
    for task, ranking in rankings(results).items():
        rows, all_pairs = [], [rho(a, b) for a, b in combinations(ranking.ranks, 2)]
        for i, model in enumerate(ranking.models):
            others = [rho(ranking.ranks[i], ranking.ranks[j]) for j in range(len(ranking.models)) if j != i]
            own = [class_distances([record], ranking.names) for record in succeeded(trained(results, task)[model])]
            between = [rho(a, b) for a, b in combinations(own, 2)]
            rows.append([model, *(_rho_text(others, how) for how in (np.mean, np.min, np.max)), _rho_text(between, np.mean)])
        overall = f"\n\nMean over all pairs of models: {_rho_text(all_pairs, np.mean)}."
        sections[_caption(task, ranking)] = Table(header, rows).markdown() + overall
    return parts(sections) + "\n\nSpearman's rho: 1 is the same order of classes, 0 none in common."


def rho(a: Array, b: Array) -> float:
    """Spearman's; 0 where one of them has all classes alike."""
    ranks = [stats.rankdata(side) for side in (a, b)]  # of infinite distances too
    return float(stats.spearmanr(ranks[0], ranks[1]).statistic) if all(np.ptp(side) > 0 for side in ranks) else 0.0


def _rho_text(found: Sequence[float], how: Any) -> str:
    return f"{how(found):+.2f}" if found else "-"


def correlates(results: Results) -> str:
    """Whether a trait goes with the mean rank, over the classes of which it is known."""
    header = ["of a class", "rank correlation with its mean rank", "p"]
    sections = {}
    for task, ranking in rankings(results).items():
        rows = []
        for trait in TRAITS:
            column = [trait.of(ranking.facts, name) for name in ranking.names]
            known = [(value, rank) for value, rank in zip(column, ranking.means, strict=True) if value is not None]
            sides = np.array(known).T
            if len(known) < 4 or min(np.ptp(sides, axis=1)) == 0:
                rows.append([trait.heading, "-", "-"])
                continue
            spearman = stats.spearmanr(*sides)
            rows.append([trait.heading, f"{spearman.statistic:+.2f}", f"{spearman.pvalue:.3f}"])
        sections[_caption(task, ranking)] = Table(header, rows).markdown()
    note = "\n\nSpearman's rho over the classes: above 0, the more of it, the harder. Of twenty traits that mean nothing, one has p < .05. "
    return parts(sections) + note + TRAITS_TEXT


def ranks_picture(results: Results) -> Figure:
    """Models over classes, coloured by rank; a panel a data set."""
    found = rankings(results)
    figure, axes = panels([1.6 + 0.3 * len(ranking.models) for ranking in found.values()], 9.0)
    for panel, (task, ranking) in zip(axes, found.items(), strict=False):
        k = len(ranking.names)
        image = panel.imshow(ranking.ranks, cmap="cividis_r", vmin=1, vmax=k, aspect="auto")
        for (i, j), rank in np.ndenumerate(ranking.ranks):
            color = "white" if rank > (1 + k) / 2 else "black"
            panel.text(j, i, f"{rank:.0f}", ha="center", va="center", fontsize=7, color=color)
        panel.set_xticks(range(k), ranking.names)
        panel.set_yticks(range(len(ranking.models)), ranking.models)
        panel.spines[:].set_visible(False)
        panel.tick_params(length=0)
        panel.set_xlabel("Class, from easy to hard by its mean rank")
        panel.set_title(data_of(task), loc="left", fontsize=10)
        figure.colorbar(image, ax=panel, label="Rank within the model", shrink=0.9, pad=0.01, ticks=[1, (1 + k) / 2, k], format="{x:g}")
    return figure


TABLES = {
    "classes": DocsTable("Classes from easy to hard", table_of_classes),
    "claim": DocsTable("Are I, L, O, T easy and M, W, K, R hard?", claim),
    "agreement": DocsTable("Do the models agree on what is hard?", agreement),
    "correlates": DocsTable("What goes with being hard?", correlates),
}
PICTURES = {"classes": Picture("Rank of each class within each model, from easy to hard", ranks_picture)}
