"""The values that the original study tuned, as grid and as random search, and its two criteria put to the test."""

from functools import cache
from itertools import combinations, product
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from reports import DocsTable, Picture, Report, without

from ca2_core.study.results import Records, Results, failures_text, iqm_text, succeeded
from ca2_core.tables import Table
from ca2_rl.study.hyperparams import shipped
from rl_reports import OURS, PENDULUM, regrets, study_content
from rl_reports.effects import expected_best, rank_correlation, variance_explained

# The original study's values with the average returns that it gives for DDPG
VALUES: dict[str, dict[float, float]] = {
    "learning_rate": {0.001: -625.7, 0.01: -728.2, 0.1: -676.7},
    "gamma": {0.9: -588.6, 0.95: -608.7, 0.99: -665.7},
    "batch_size": {16: -586.8, 32: -631.1, 64: -616.4},
    "width": {32: -668.6, 64: -683.4, 128: -676.4},
}
FACTORS = tuple(VALUES)
NAMES = {"learning_rate": "learning rate", "gamma": "gamma", "batch_size": "batch", "width": "width"}
# Values of the other three factors, which the original study does not give
BASE = {"learning_rate": 0.001, "gamma": 0.99, "batch_size": 64, "width": 64}
RANDOM_TRIALS = 27
# The last part of a training, over which a criterion is averaged
LATE = 0.2
CRITERIA = {
    "gradient_norm": "size of the gradient",
    "return_std": "standard deviation of the return",
    "return_mean": "mean return",
}


def setting(algo: str, search: str, **values: Any) -> tuple[str, dict[str, Any]]:
    """Label and settings of an agent as shipped, but for the four factors and for whole episodes.

    Episodes are whole: their returns are among the original study's criteria.

    :param search: "grid" or "random"
    """
    label = f"{OURS[algo]}, " + ", ".join(f"{NAMES[name]} {value:.4g}" for name, value in values.items())
    is_single = search == "grid" and sum(values[name] != BASE[name] for name in FACTORS) <= 1
    changed = {name: value for name, value in values.items() if name != "width"}
    policy = shipped(algo, PENDULUM)["policy_kwargs"] | {"net_arch": [values["width"]] * 2}
    hyperparams = shipped(algo, PENDULUM, **changed, policy_kwargs=policy)
    hyperparams.pop("env_kwargs", None)
    kind = f"{search}, one at a time" if is_single else search
    return f"{label} ({kind})", {"algo": algo, "base": "none", "group": OURS[algo]} | hyperparams


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A random setting from the ranges of these values; all but gamma on a logarithmic scale."""
    lows, highs = [{name: pick(values) for name, values in VALUES.items()} for pick in (min, max)]
    chosen = {name: float(np.exp(rng.uniform(np.log(lows[name]), np.log(highs[name])))) for name in FACTORS}
    gamma = float(rng.uniform(lows["gamma"], highs["gamma"]))
    return {
        "learning_rate": float(f"{chosen['learning_rate']:.3g}"),
        "gamma": round(gamma, 4),
        "batch_size": round(chosen["batch_size"]),
        "width": round(chosen["width"]),
    }


def settings() -> list[tuple[str, str, dict[str, Any]]]:
    """Agent, search and values: the full grid, then as many random settings for each agent; the same ones for all."""
    grid = [dict(zip(FACTORS, values, strict=True)) for values in product(*VALUES.values())]
    rng = np.random.default_rng(0)
    random = [draw(rng) for _ in range(RANDOM_TRIALS)]
    searched = [("grid", values) for values in grid] + [("random", values) for values in random]
    return [(algo, search, values) for search, values in searched for algo in OURS]


@cache
def tags() -> dict[str, dict[str, Any]]:
    """What each variant is, by its label: agent, search and the values of the factors."""
    return {setting(algo, search, **values)[0]: {"agent": OURS[algo], "search": search, **values} for algo, search, values in settings()}


def content() -> dict[str, Any]:
    """What the study's file would say."""
    variants = dict(setting(algo, search, **values) for algo, search, values in settings())
    return study_content("The original study's tuning tables as grid and random search; do its criteria predict the regret?", 3, variants)


def kept(record: dict[str, Any]) -> dict[str, Any]:
    """A record with its criteria instead of its curves."""
    late_of = {} if "error" in record else {"late": late(record["training_returns"], record["diagnostics"].get("gradient_norm", []))}
    return without("curve", "regret_percentiles", "training_returns", "diagnostics")(record) | late_of


def late(training_returns: list[float], gradient_norms: list[float | None]) -> dict[str, float | None]:
    """What one might choose settings by, over the last part of a training; None where nothing was logged."""
    episodes = training_returns[-max(round(LATE * len(training_returns)), 1) :]
    norms = [norm for norm in gradient_norms[-max(round(LATE * len(gradient_norms)), 1) :] if norm is not None]
    numbers = {
        "gradient_norm": np.mean(norms) if norms else None,
        "return_std": np.std(episodes) if episodes else None,
        "return_mean": np.mean(episodes) if episodes else None,
    }
    return {name: None if number is None else float(f"{number:.6g}") for name, number in numbers.items()}


def tagged(results: Results, **wanted: Any) -> dict[str, Records]:
    """The trainings of the variants that are all of this, by variant."""
    return {
        variant: records
        for variant, records in results.by_variant().items()
        if all(tags()[variant].get(name) == value for name, value in wanted.items())
    }


def one_at_a_time(results: Results) -> str:
    """One factor at a time, the others at ``BASE``."""
    rows, groups = [], []
    for factor, values in VALUES.items():
        for value in values:
            cells = [f"{NAMES[factor]} {value:g}"]
            for agent in OURS.values():
                records = next(iter(tagged(results, agent=agent, search="grid", **(BASE | {factor: value})).values()), [])
                groups.append(records)
                cells.append(iqm_text(regrets(records)) + _failed(records))
            rows.append(cells)
    base = ", ".join(f"{NAMES[name]} {value:g}" for name, value in BASE.items())
    header = ["", *(f"{agent}: regret, IQM [95 %]" for agent in OURS.values())]
    return f"{Table(header, rows).markdown()}\n\n{_seeds(groups)} The other three are {base}."


def _seeds(groups: list[Records]) -> str:
    """A sentence on how many seeds the settings have."""
    numbers = sorted({len(records) for records in groups if records})
    return f"Seeds of each setting: {' to '.join(str(number) for number in dict.fromkeys([numbers[0], numbers[-1]]))}." if numbers else ""


def _failed(records: Records) -> str:
    text = failures_text(records)
    return f" ({text})" if text else ""


def _settings(results: Results, **wanted: Any) -> list[tuple[dict[str, Any], float]]:
    """Tags and mean regret over the seeds of each setting of which a training succeeded."""
    groups = _comparable(results, **wanted)
    return [(tags()[records[0]["variant"]], float(values.mean())) for records in groups if len(values := regrets(records))]


def _comparable(results: Results, **wanted: Any) -> list[Records]:
    """The trainings of each setting, with the seeds that all of them have: the best of many is not to be the one of the fewest."""
    groups = list(tagged(results, **wanted).values())
    shared = set.intersection(*({record["seed"] for record in records} for records in groups)) if groups else set()
    return [[record for record in records if record["seed"] in shared] for records in groups]


def search(results: Results) -> str:
    """What grid and random search found."""
    header = ["agent", "search", "settings", "best regret", "expected after 9", "after 27", "its setting"]
    rows = []
    for agent in OURS.values():
        for kind in ("grid", "random"):
            found = _settings(results, agent=agent, search=kind)
            if not found:
                continue
            values = [regret for _, regret in found]
            best, regret = min(found, key=lambda each: each[1])
            after = [f"{expected_best(values, n):,.1f}" if n <= len(values) else "-" for n in (9, 27)]
            chosen = ", ".join(f"{NAMES[name]} {best[name]:.4g}" for name in FACTORS)
            rows.append([agent, kind, str(len(found)), f"{regret:,.1f}", *after, chosen])
    note = "\n\nRegret is the mean over the seeds. The best of many is better than it would be with new seeds."
    return Table(header, rows, texts=2).markdown() + note


def cells(results: Results, agent: str) -> NDArray[np.float64]:
    """Mean regret over the seeds for each setting of the grid, an axis a factor; not a number where there is none."""
    table = np.full([len(values) for values in VALUES.values()], np.nan)
    for values, regret in _settings(results, agent=agent, search="grid"):
        table[tuple(list(VALUES[name]).index(values[name]) for name in FACTORS)] = regret
    return table


def interactions(results: Results) -> str:
    """How much of the variance of log regret each factor and each pair explains."""
    columns: dict[str, dict[tuple[int, ...], float] | None] = {}
    for agent in OURS.values():
        table = cells(results, agent)
        columns[agent] = variance_explained(np.log10(np.maximum(table, 0.1))) if np.isfinite(table).all() else None
    axes = next((list(shares) for shares in columns.values() if shares), [])
    rows = [
        [
            " x ".join(NAMES[FACTORS[axis]] for axis in pair),
            *(f"{100 * shares[pair]:.1f} %" if shares else "-" for shares in columns.values()),
        ]
        for pair in axes
    ]
    rest = [f"{100 * (1 - sum(shares.values())):.1f} %" if shares else "-" for shares in columns.values()]
    note = "\n\nAnalysis of variance over the grid of log10 of the mean regret: a factor alone, then what a pair adds to its two factors."
    return Table(["", *columns], [*rows, ["three and four together", *rest]]).markdown() + note


def criteria(results: Results) -> str:
    """Whether what the original study chose settings by predicts the regret: over the settings of the grid, means over the seeds."""
    header = ["in the last fifth of the training", "agent", "rank correlation with the final regret [95 %]"]
    rows = []
    for criterion, name in CRITERIA.items():
        for agent in OURS.values():
            pairs = criterion_and_regret(results, agent, criterion)
            correlation = rank_correlation(*zip(*pairs, strict=True)) if pairs else None
            if correlation is None:
                rows.append([name, agent, "-"])
                continue
            numbers = f"{correlation.rho:+.2f} [{correlation.low:+.2f}, {correlation.high:+.2f}]"
            rows.append([name, agent, numbers])
    return Table(header, rows, texts=2).markdown() + "\n\nSpearman's rho over the 81 settings of the grid."


def criterion_and_regret(results: Results, agent: str, criterion: str) -> list[tuple[float, float]]:
    """Of each setting of an agent's grid: a criterion late in the training and the final regret, means over the seeds."""
    groups = [succeeded(records) for records in _comparable(results, agent=agent, search="grid")]
    return [
        (float(np.mean([record["late"][criterion] for record in records])), float(regrets(records).mean()))
        for records in groups
        if records and all(record["late"][criterion] is not None for record in records)
    ]


def heat_maps(results: Results) -> Figure:
    """Median regret over each pair of factors, a row an agent. A mean would show the settings that learn nothing and little else."""
    pairs = list(combinations(range(len(FACTORS)), 2))
    figure = Figure(figsize=(2.3 * len(pairs), 2.3 * len(OURS)), layout="constrained")
    panels = figure.subplots(len(OURS), len(pairs), squeeze=False)
    tables = {agent: cells(results, agent) for agent in OURS.values()}
    norm = LogNorm(7, 300, clip=True)
    image = None
    for row, (agent, table) in zip(panels, tables.items(), strict=True):
        for panel, (a, b) in zip(row, pairs, strict=True):
            others = tuple(axis for axis in range(len(FACTORS)) if axis not in (a, b))
            medians = np.ma.median(np.ma.masked_invalid(table), axis=others).filled(np.nan)  # of what is there
            image = panel.imshow(medians, norm=norm, cmap="cividis_r", aspect="auto")
            for (i, j), regret in np.ndenumerate(medians):
                if np.isfinite(regret):
                    color = "white" if norm(regret) > 0.5 else "black"
                    panel.text(j, i, f"{regret:.0f}", ha="center", va="center", fontsize=8, color=color)
            for axis, factor in ((panel.xaxis, FACTORS[b]), (panel.yaxis, FACTORS[a])):
                axis.set_ticks(range(len(VALUES[factor])), [f"{value:g}" for value in VALUES[factor]], fontsize=8)
            panel.set_xlabel(NAMES[FACTORS[b]].capitalize(), fontsize=8)
            panel.set_ylabel(NAMES[FACTORS[a]].capitalize(), fontsize=8)
        row[0].set_title(agent, loc="left", fontsize=10)
    assert image is not None
    figure.colorbar(image, ax=panels, label="Regret: median over the other two factors", shrink=0.7, format="{x:g}")
    return figure


REPORT = Report(
    tables={
        "one-at-a-time": DocsTable("One factor at a time", one_at_a_time),
        "search": DocsTable("Grid search and random search", search),
        "interactions": DocsTable("Which factors matter, and which together", interactions),
        "criteria": DocsTable("Do the original study's criteria predict the regret?", criteria),
    },
    pictures={"heat-maps": Picture("Median regret over pairs of factors", heat_maps)},
    kept=kept,
)
