"""The agents and those of Stable-Baselines3 and rl-zoo3, and what the coursework reported."""

import math
from functools import partial

from reports import DocsTable, Picture, Report, without

from ca2_core.study.figures import learning_curves
from ca2_core.study.results import Records, Results, reached, succeeded
from ca2_core.tables import Table
from ca2_rl.envs.pendulum import EPISODE_STEPS
from rl_reports import COLUMNS, OURS, REGRET, TARGET, columns, table

# SB3's default in each of its off-policy algorithms
LEARNING_STARTS = 100
# Mean return of the optimum over the env's own starts, see docs/rl/optimum.md: the coursework gives returns only
OPTIMUM = -137.0
# Average returns that the coursework reported, perhaps over the episodes of its training
COURSEWORK = {"DiscretizedDQN": -838.13, "NoisyDQN": -1367.53, "OUDDPG": -627.46}


def agents(results: Results) -> str:
    """All agents, a row each."""
    measured = {heading: cell for heading, cell in COLUMNS.items() if heading != "best to worst seed"}
    reported = {
        "the coursework's average return, perhaps of its training": coursework_text,
        f"the optimum's {OPTIMUM:.0f} minus it": lambda records: coursework_text(records, OPTIMUM),
    }
    return table(results.by_variant(), "agent", measured | reported)


def coursework_text(records: Records, optimum: float | None = None) -> str:
    """What the coursework reported of an agent, or the optimum's return minus that; empty where it has no such agent."""
    reported = COURSEWORK.get(records[0]["variant"])
    return "" if reported is None else f"{reported if optimum is None else optimum - reported:.0f}"


def summary(results: Results) -> str:
    """What it comes to, a row for each agent, with whose settings it has and how long it practises before it learns."""

    def setting(records: Records, name: str, default: int) -> int:
        hyperparams = results.settings(records[0])["hyperparams"]
        value: int = (hyperparams | hyperparams.get("env_kwargs", {})).get(name, default)
        return value

    def learns_from(records: Records) -> str:
        return f"{setting(records, 'learning_starts', LEARNING_STARTS):,} of {results.settings(records[0])['n_timesteps']:,}"

    def early(records: Records) -> str:
        return f"{sum(reached(record, REGRET, TARGET, 'steps') <= 5_000 for record in succeeded(records))} of {len(records)}"

    protocol = {
        "settings": lambda records: "rl-zoo3's" if records[0]["variant"].endswith(", zoo") else "ca2's",
        "training episodes": lambda records: f"{setting(records, 'max_episode_steps', EPISODE_STEPS)} steps",
        "learns from step": learns_from,
    }
    regret = columns("regret, IQM [95 %]", "best to worst seed")
    return table(results.by_variant(), "agent", protocol | regret | {"regret at most 15 by 5,000 steps": early}, texts=2)


def seeds(results: Results, label: str) -> str:
    """One agent, a row for each seed."""
    header = ["seed", "regret", "return", "regret after 5,000 steps", "steps to regret 15"]
    rows = []
    for record in succeeded(results.by_variant().get(label, [])):
        by_steps = dict(zip(record["curve"]["steps"], record["curve"]["regret"], strict=True))
        steps = reached(record, REGRET, TARGET, "steps")
        rows.append(
            [
                str(record["seed"]),
                f"{record['regret']:,.1f}",
                f"{record['return']:,.1f}",
                f"{by_steps[5_000]:,.1f}" if 5_000 in by_steps else "-",
                f"{steps:,.0f}" if math.isfinite(steps) else "never",
            ]
        )
    return Table(header, rows).markdown()


CURVES = Picture(
    "Regret over the training: interquartile mean over the seeds with its 95 % interval",
    lambda results: learning_curves(results.by_variant(), REGRET),
)
CAPTION = (
    "Pendulum-v1: the last model on 500 starts, with the settings above; steps and seconds on a core to regret 15: medians over the seeds"
)
REPORT = Report(
    tables={"summary": DocsTable("In short", summary), "agents": DocsTable(CAPTION, agents)}
    | {label.lower(): DocsTable(f"{label}, seed by seed", partial(seeds, label=label)) for label in OURS.values()},
    pictures={"curves": CURVES},
    kept=without("training_returns", "diagnostics"),
)
