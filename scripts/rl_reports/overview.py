"""The agents and those of Stable-Baselines3 and rl-zoo3, and what the coursework reported."""

import math
from functools import partial

from reports import DocsTable, Picture, Report, without

from ca2_core.study.figures import learning_curves, profile
from ca2_core.study.results import Records, Results, iqm_text, label_text, mean_text, range_text, reached, scores, std_text, succeeded
from ca2_core.tables import Table
from ca2_rl.envs.pendulum import EPISODE_STEPS
from rl_reports import OURS, REGRET, TARGET, regrets, solved_text

# SB3's default in each of its off-policy algorithms
LEARNING_STARTS = 100
# Mean return of the optimum over the env's own starts, see docs/rl/optimum.md: the coursework gives returns only
OPTIMUM = -137.0
# Average returns that the coursework reported, perhaps over the episodes of its training
COURSEWORK = {"DiscretizedDQN": -838.13, "NoisyDQN": -1367.53, "OUDDPG": -627.46}


def agents(results: Results) -> str:
    """All agents, a row each."""
    header = ["agent", "return", "regret", "std over seeds", "regret, IQM [95 %]"]
    header += ["steps to regret 15", "seconds to it", "seconds of training", "of compiling"]
    header += ["the coursework's average return, perhaps of its training", f"the optimum's {OPTIMUM:.0f} minus it"]
    rows = []
    for label, records in results.by_variant().items():
        values = regrets(records)
        coursework = [f"{COURSEWORK[label]:.0f}", f"{OPTIMUM - COURSEWORK[label]:.0f}"] if label in COURSEWORK else ["", ""]
        rows.append(
            [
                label_text(label, records),
                mean_text(scores(records, "return")),
                mean_text(values),
                std_text(values),
                iqm_text(values),
                solved_text(records),
                solved_text(records, "seconds", digits=1),
                mean_text(scores(records, "train_seconds")),
                mean_text(scores(records, "compile_seconds")),
                *coursework,
            ]
        )
    return Table(header, rows).markdown()


def summary(results: Results) -> str:
    """What it comes to, a row for each agent."""
    header = ["agent", "settings", "training episodes", "learns from step"]
    header += ["regret, IQM [95 %]", "best to worst seed", "regret at most 15 by 5,000 steps"]
    rows = []
    for label, records in results.by_variant().items():
        values = regrets(records)
        early = sum(reached(record, REGRET, TARGET, "steps") <= 5_000 for record in succeeded(records))
        rows.append(
            [
                label_text(label, records),
                *protocol(results, label, records),
                iqm_text(values),
                range_text(values),
                f"{early} of {len(records)}",
            ]
        )
    return Table(header, rows, texts=2).markdown()


def protocol(results: Results, label: str, records: Records) -> list[str]:
    """Whose settings an agent has, the length of its training's episodes and the step from which on it learns."""
    settings = results.settings(records[0])
    hyperparams, steps = settings["hyperparams"], settings["n_timesteps"]
    length = hyperparams.get("env_kwargs", {}).get("max_episode_steps", EPISODE_STEPS)
    start = hyperparams.get("learning_starts", LEARNING_STARTS)
    return ["rl-zoo3's" if label.endswith(", zoo") else "ca2's", f"{length} steps", f"{start:,} of {steps:,}"]


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
    pictures={
        "curves": CURVES,
        "profile": Picture(
            "Share of all episodes with at most a given regret, with 95 % bands",
            lambda results: profile(results.by_variant(), REGRET),
        ),
    },
    kept=without("training_returns", "diagnostics"),
)
