"""What the original study claimed, beside what was measured here: a row for each claim, in docs/claims.json.

    python scripts/claims.py
    python scripts/claims.py --check

The numbers are those of the records in docs; a claim whose record is missing "cannot be said". With --check nothing is written, and a row
that differs from the records is an error.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from statistics import fmean

import numpy as np
from gan_reports import changes, ranking, trained
from matplotlib.figure import Figure
from publishing import DOCS, IMAGES, parser, read, save
from rl_reports import tuning
from rl_reports.effects import RankCorrelation, rank_correlation

from ca2_core.statistics import iqm, iqm_interval
from ca2_core.study.figures import COLORS, legend, plain_figure
from ca2_core.study.figures import save as save_figure
from ca2_core.study.results import Array, Results, iqm_text, scores
from ca2_gan.study.training import SECOND

CLAIMS = DOCS / "claims.json"
RETURNS = IMAGES / "claims-returns.png"
# Average returns on Pendulum-v1 that the original study gives, by what the matched study calls these agents
CLAIMED = {"DiscretizedDQN": -838.13, "NoisyDQN": -1367.53, "DDPG and OU noise": -627.46}
CONFIRMED, REFUTED, OPEN = "confirmed", "refuted", "cannot be said"
AGENTS, GANS = "agents", "GANs"
LETTERS = "emnist-letters-a-m.csv.gz, 3 CPU minutes"
GLYPHS = "glyphs, 30 CPU seconds"


@dataclass(frozen=True)
class Row:
    """A claim.

    :param half: of the original study
    :param claim: in a sentence
    :param claimed: its numbers or words
    :param measured: ours
    :param verdict: ``CONFIRMED``, ``REFUTED`` or ``OPEN``
    :param evidence: the records, below ``docs``
    """

    half: str
    claim: str
    claimed: str
    measured: str
    verdict: str
    evidence: list[str]


def study(name: str) -> Results:
    """The record of a study; without trainings if it has not been measured.

    :param name: below ``docs``, such as rl/studies/tuning
    """
    path = DOCS / f"{name}.json"
    return Results.read(path) if path.is_file() else Results({"cases": [], "records": []})


def order(groups: Sequence[Array]) -> str:
    """Whether the scores of several agents or settings, lower better, come in the claimed order.

    Confirmed: each interquartile mean lies below the next, and their 95 % intervals do not overlap. Refuted: two lie the other way round,
    and theirs do not overlap. Else it cannot be said.

    :param groups: scores over the seeds, in the claimed order from the best on
    """
    if any(len(values) < 2 for values in groups):
        return OPEN
    bounds = [iqm_interval(values) or (np.nan, np.nan) for values in groups]
    if any(bounds[i][0] > bounds[j][1] for i, j in combinations(range(len(groups)), 2)):
        return REFUTED
    return CONFIRMED if all(before[1] < after[0] for before, after in pairwise(bounds)) else OPEN


def best(groups: Sequence[Array]) -> str:
    """Whether the first of several is the best: refuted if another is better, confirmed if all are worse. See ``order``."""
    verdicts = {order([groups[0], other]) for other in groups[1:]}
    return REFUTED if REFUTED in verdicts else CONFIRMED if verdicts == {CONFIRMED} else OPEN


def compared(unit: str, groups: dict[str, Array]) -> str:
    """Interquartile means with their intervals, by name.

    :param unit: of the scores
    """
    texts = (f"{name} {iqm_text(values, 2 if iqm(values) < 1 else 1)}" for name, values in groups.items() if len(values))
    return f"{unit}: {', '.join(texts)}"


def agents() -> Iterator[Row]:
    """On the agents and how they were tuned."""
    ranked = sorted(CLAIMED, key=lambda agent: -CLAIMED[agent])
    claimed_text = ", ".join(f"{agent} {CLAIMED[agent]:.0f}" for agent in ranked)
    regrets, returns = ({agent: matched(name)[agent] for agent in ranked} for name in ("regret", "return"))
    yield Row(
        AGENTS,
        "DDPG is better than DQN, and DQN than NoisyDQN.",
        f"average return: {claimed_text}",
        compared("regret under one protocol, whole episodes", regrets),
        order(list(regrets.values())),
        ["rl/studies/pendulum-matched.json"],
    )
    is_above = all(len(values) and values.min() > CLAIMED[agent] for agent, values in returns.items())
    yield Row(
        AGENTS,
        "The average returns are what these agents reach.",
        claimed_text,
        compared("return of the last model after 20,000 steps", returns),
        REFUTED if is_above else OPEN,
        ["rl/studies/pendulum-matched.json"],
    )
    yield from tuned()
    yield from criteria()
    noise = study("rl/studies/exploration").by_variant(group="noise")
    groups = {label: scores(noise.get(label, []), "regret") for label in ("OU, dt 1, sigma 0.1", "no noise")}
    yield Row(
        AGENTS,
        "Ornstein-Uhlenbeck noise improves DDPG.",
        "added to DDPG as its improvement, without a number",
        compared("regret of OUDDPG", groups),
        best(list(groups.values())),
        ["rl/studies/exploration.json"],
    )
    optimum = optima()["g = 10"]
    yield Row(
        AGENTS,
        "A good model should average about -100.",
        "-100",
        f"the best possible return averages {optimum:.1f} over 500 starts",
        REFUTED if optimum < -110 else OPEN,
        ["rl/optima.json"],
    )
    yield gravity()


def matched(score: str) -> dict[str, Array]:
    """Scores of the agents of ``CLAIMED`` under one protocol with whole episodes, over the seeds."""
    groups = study("rl/studies/pendulum-matched").by_variant("training episodes of 200 steps")
    return {agent: scores(groups.get(agent, []), score) for agent in CLAIMED}


def returns_chart() -> Figure:
    """Returns that were claimed, and those of the same agents here with every seed as a dot, above the best possible one."""
    figure, panel = plain_figure(7.2, 3.6)
    measured = matched("return")
    for i, (agent, values) in enumerate(measured.items()):
        for shift, value, color, name in ((-0.19, CLAIMED[agent], "#999999", "claimed"), (0.19, values.mean(), COLORS[0], "measured")):
            panel.bar(i + shift, value, 0.36, color=color, label=name if i == 0 else None)
            panel.annotate(f"{value:.0f}", (i + shift, value), xytext=(0, -3), textcoords="offset points", ha="center", va="top")
        panel.plot([i + 0.19] * len(values), values, ".", color="black", markersize=4)
    panel.axhline(optima()["g = 10"], color="black", linewidth=0.8, label="best possible")
    panel.set_xticks(range(len(measured)), list(measured))
    panel.set_ylim(1.12 * min(CLAIMED.values()), 0)
    panel.set_ylabel("Mean return on Pendulum-v1")
    legend(figure)
    return figure


def optima() -> dict[str, float]:
    """The best possible mean return on Pendulum-v1, by gravity."""
    rows = read(DOCS / "rl" / "optima.json")["rows"]
    return {f"g = {row['env_kwargs']['g']:g}": row["mean"] for row in rows if row["env"] == "Pendulum-v1"}


def tuned() -> Iterator[Row]:
    """On the table of single changes to DDPG: what came out best."""
    results = study("rl/studies/tuning")
    for factor, returns in tuning.VALUES.items():
        ranked = sorted(returns, key=lambda value: -returns[value])
        groups = {}
        for value in ranked:
            found = list(tuning.tagged(results, agent="OUDDPG", search="grid", **(tuning.BASE | {factor: value})).values())
            groups[f"{value:g}"] = scores(found[0], "regret") if found else np.array([])
        yield Row(
            AGENTS,
            f"DDPG does best with a {tuning.NAMES[factor]} of {ranked[0]:g}.",
            "average return: " + ", ".join(f"{value:g} {returns[value]:.1f}" for value in ranked),
            compared("regret of OUDDPG", groups),
            best(list(groups.values())),
            ["rl/studies/tuning.json"],
        )


def criteria() -> Iterator[Row]:
    """On what settings were chosen by."""
    results = study("rl/studies/tuning")
    for key, what in (("gradient_norm", "size of the gradient"), ("return_std", "standard deviation of the return")):
        found, other = (correlation(results, criterion) for criterion in (key, "return_mean"))
        measured, verdict = "", OPEN
        if found and other:
            numbers = f"{found.rho:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
            measured = f"rank correlation with the final regret of OUDDPG: {numbers}; that of the mean return is {other.rho:+.2f}"
            verdict = CONFIRMED if found.low > 0 else REFUTED if found.high < 0 else OPEN
        yield Row(
            AGENTS, f"The {what} tells good settings from bad ones.", "chosen as a criterion", measured, verdict, ["rl/studies/tuning.json"]
        )


def correlation(results: Results, criterion: str) -> RankCorrelation | None:
    """Whether a criterion predicts the regret of OUDDPG."""
    pairs = tuning.criterion_and_regret(results, "OUDDPG", criterion)
    return rank_correlation(*zip(*pairs, strict=True)) if pairs else None


def gravity() -> Row:
    """On the returns at other gravities, which other solutions of the same assignment give."""
    results, best_possible = study("rl/studies/gravity"), optima()
    theirs = {"g = 10": -135.4, "g = 0": -53.8, "g = -10": -53.4, "g = 15": -203.3}
    ours = {task: scores(results.by_variant(task).get("DiscretizedDQN", []), "return").mean() for task in theirs}
    hardest = [sorted(returns, key=lambda task: returns[task])[:2] for returns in (theirs, ours)]
    return Row(
        AGENTS,
        "A DQN returns least at g = 15, then at g = 10.",
        "other solutions of the assignment, the best of each: " + ", ".join(f"{task} {value}" for task, value in theirs.items()),
        "return of DiscretizedDQN: " + ", ".join(f"{task} {value:.1f} (optimum {best_possible[task]:.1f})" for task, value in ours.items()),
        CONFIRMED if hardest[0] == hardest[1] else REFUTED,
        ["rl/studies/gravity.json", "rl/optima.json"],
    )


def gans() -> Iterator[Row]:
    """On the generators and what was tried with them."""
    overview, name = study("gan/studies/overview"), "gan/studies/overview.json"
    groups = trained(overview, LETTERS)
    distances, divergences = (
        {model: scores(groups.get(model, []), key) for model in ("dcgan", "triplegan", "cgan", "dcgan_enhanced")}
        for key in ("fcd", "kl_class")
    )
    fids = "DCGAN 1151.2, Enhanced DCGAN 1119.8, cGAN 1126.1, Triple-GAN 1117.3"
    yield imaginary_part()
    yield Row(
        GANS,
        "The FIDs of the four models lie between 1,117 and 1,151.",
        fids,
        f"{compared('Fréchet distance by a classifier of letters', distances)}; its unit is that of the features, and theirs are not known",
        OPEN,
        [name],
    )
    yield Row(
        GANS,
        "Triple-GAN is the best of the four.",
        f"FID: {fids}",
        compared("FCD after three CPU minutes", distances),
        best([distances["triplegan"], *(values for model, values in distances.items() if model != "triplegan")]),
        [name],
    )
    yield Row(
        GANS,
        "By KL divergence DCGAN is best, then Triple-GAN, cGAN, Enhanced DCGAN.",
        "DCGAN 0.290, Triple-GAN 0.522, cGAN 0.588, Enhanced DCGAN 0.976",
        compared("KL divergence of the classes after three CPU minutes", divergences),
        order(list(divergences.values())),
        [name],
    )
    yield from tried()
    yield letters(overview)
    yield from one_class()


def tried() -> Iterator[Row]:
    """On single changes to a GAN."""
    for name, claim, claimed, change, helps in (
        ("changes", "Spectral normalisation does not improve a DCGAN.", "sharper, not better", "spectral norm", False),
        ("changes", "Feature matching by a trained network improves a DCGAN.", "tried", "feature matching of a frozen classifier", True),
        ("noise", "Gaussian noise on the images helps.", "used as augmentation", "Gaussian noise on real images only", True),
        ("noise", "Salt-and-pepper noise on the images helps.", "used as augmentation", "salt and pepper on real images only", True),
    ):
        effects = changes.effects(study(f"gan/studies/{name}"), GLYPHS, "fcd" + SECOND)
        _, effect = effects.get(f"dcgan_radford, {change}", ([], None))
        measured, verdict = "", OPEN
        if effect:
            measured = f"{change}: {effect.in_numbers} times the FCD of the unchanged one"
            verdict = OPEN if effect.low <= 1 <= effect.high else CONFIRMED if (effect.high < 1) == helps else REFUTED
        yield Row(GANS, claim, claimed, measured, verdict, [f"gan/studies/{name}.json"])


def letters(overview: Results) -> Row:
    """On easy and hard letters."""
    found = ranking.rankings(overview)
    texts, p_values = [], []
    for task, each in found.items():
        compared_letters = ranking.easy_and_hard(each)
        if compared_letters is not None:
            easy, hard, p = compared_letters
            texts.append(
                f"{task}: mean rank {fmean(easy.values()):.1f} of the easy, {fmean(hard.values()):.1f} of the hard ones, p = {p:.3f}"
            )
            p_values.append(p)
    verdict = CONFIRMED if p_values and min(p_values) < 0.05 else REFUTED if p_values and max(p_values) > 0.95 else OPEN
    return Row(
        GANS,
        "I, L, O and T are easy to draw, M, W, K and R hard.",
        "judged by eye",
        "; ".join(texts),
        verdict,
        ["gan/studies/overview.json"],
    )


def one_class() -> Iterator[Row]:
    """On how one generates a given class."""
    groups = trained(study("gan/studies/changes"), "glyphs, 10 CPU minutes")
    for claim, variant in (
        ("One class is generated by its label, with cGAN or Triple-GAN.", "cgan, as shipped"),
        ("One class is generated by a DCGAN of its own, all of them in the same time.", "a dcgan_enhanced for each class"),
    ):
        values = scores(groups.get(variant, []), "acc")
        yield Row(
            GANS,
            claim,
            "given as a way",
            compared("accuracy on 26 classes of glyphs after ten CPU minutes, by chance 0.04", {variant: values}),
            OPEN if not len(values) else CONFIRMED if values.min() > 0.5 else REFUTED if values.max() < 0.1 else OPEN,
            ["gan/studies/changes.json"],
        )


def imaginary_part() -> Row:
    """On the imaginary part of a FID."""
    row = max(read(DOCS / "gan" / "metrics.json")["frechet"], key=lambda row: row["dimensions"])
    return Row(
        GANS,
        "A FID has an imaginary part.",
        "1151.2 (-0.000001j)",
        f"with {row['dimensions']:,} features, a symmetric root, which has none, gives the distance that pytorch-fid has by a general one, "
        f"whose imaginary part is rounding: they differ by {row['relative_difference']:.0e} of it",
        REFUTED if row["relative_difference"] < 1e-6 else OPEN,
        ["gan/metrics.json"],
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; fail if a row differs from the records")
    check = options.parse_args().check
    rows = [asdict(row) for row in (*agents(), *gans())]
    if check and read(CLAIMS)["rows"] != rows:
        sys.exit("docs/claims.json: its rows are not those of the records. Run `python scripts/claims.py`.")
    if not check:
        save({"rows": rows}, CLAIMS)
        if all(len(values) for values in matched("return").values()):
            save_figure(returns_chart(), RETURNS)
        for row in rows:
            print(f"{row['verdict']:15} {row['claim']}  {row['measured']}")


if __name__ == "__main__":
    main()
