"""The agents beside those of Stable-Baselines3 and rl-zoo3, and beside the coursework's."""

import math
from functools import partial
from typing import Any

from ca2_rl.envs.pendulum import EPISODE_STEPS
from ca2_rl.studies.figures import learning_curves, profile
from ca2_rl.studies.jobs import Variant
from ca2_rl.studies.results import (
    OPTIMUM,
    Records,
    Results,
    iqm_text,
    label_text,
    markdown,
    mean_text,
    range_text,
    reached,
    reached_text,
    scores,
    std_text,
    succeeded,
)
from ca2_rl.studies.settings import of_the_zoo, shipped
from ca2_rl.studies.study import Picture, Study, Table

OURS = {"discretizeddqn": "DiscretizedDQN", "noisydqn": "NoisyDQN", "ouddpg": "OUDDPG"}
# SB3's default in each of its off-policy algorithms
LEARNING_STARTS = 100
# Average returns that the coursework reported, perhaps over the episodes of its training
COURSEWORK = {"DiscretizedDQN": -838.13, "NoisyDQN": -1367.53, "OUDDPG": -627.46}


def sb3_dqn() -> Variant:
    """SB3's DQN, for which the zoo has nothing on Pendulum-v1, with all settings of DiscretizedDQN that it knows."""
    settings = shipped("discretizeddqn")
    del settings["exploration_hold"]
    torques = {"ca2_rl.studies.end_points.EndPointActions": {"n_bins": settings.pop("n_bins")}}
    return Variant("DQN, SB3", "dqn", settings | {"env_wrapper": torques})


def variants() -> list[Variant]:
    """Ours as shipped, SB3's DQN with our settings, and the zoo's agents as the zoo has them."""
    ours = [Variant(label, algo, shipped(algo)) for algo, label in OURS.items()]
    zoo = [Variant(f"{algo.upper()}, zoo", algo, of_the_zoo(algo)) for algo in ("ddpg", "td3", "sac", "tqc")]
    return [*ours, sb3_dqn(), *zoo]


def agents(results: Results) -> str:
    """All agents, a row each."""
    header = ["agent", "return", "regret", "std over seeds", "regret, IQM [95 %]"]
    header += ["steps to regret 15", "seconds to it", "seconds of training", "of compiling"]
    header += ["the coursework's average return, perhaps of its training", f"the optimum's {OPTIMUM:.0f} minus it"]
    rows = []
    for label, records in results.by_label().items():
        regrets = scores(records)
        coursework = [f"{COURSEWORK[label]:.0f}", f"{OPTIMUM - COURSEWORK[label]:.0f}"] if label in COURSEWORK else ["", ""]
        rows.append(
            [
                label_text(label, records),
                mean_text(scores(records, "return")),
                mean_text(regrets),
                std_text(regrets),
                iqm_text(regrets),
                reached_text(records, "steps"),
                reached_text(records, "seconds", digits=1),
                mean_text(scores(records, "train_seconds")),
                mean_text(scores(records, "compile_seconds")),
                *coursework,
            ]
        )
    return markdown(header, rows)


def summary(results: Results) -> str:
    """What it comes to, a row for each agent."""
    header = ["agent", "settings", "training episodes", "learns from step"]
    header += ["regret, IQM [95 %]", "best to worst seed", "regret at most 15 by 5,000 steps"]
    rows = []
    for label, records in results.by_label().items():
        regrets = scores(records)
        early = sum(reached(record, "steps") <= 5_000 for record in succeeded(records))
        rows.append(
            [
                label_text(label, records),
                *protocol(label, records),
                iqm_text(regrets),
                range_text(regrets),
                f"{early} of {len(records)}",
            ]
        )
    return markdown(header, rows, texts=2)


def protocol(label: str, records: Records) -> list[str]:
    """Whose settings an agent has, the length of its training's episodes and the step from which on it learns."""
    settings: dict[str, Any] = next((record["hyperparams"] for record in records if "hyperparams" in record), {})
    steps = settings.get("env_kwargs", {}).get("max_episode_steps", EPISODE_STEPS)
    start = settings.get("learning_starts", LEARNING_STARTS)
    return ["rl-zoo3's" if label.endswith(", zoo") else "ca2's", f"{steps} steps", f"{start:,} of {records[0]['steps']:,}"]


def seeds(results: Results, label: str) -> str:
    """One agent, a row for each seed."""
    header = ["seed", "regret", "return", "regret after 5,000 steps", "steps to regret 15"]
    rows = []
    for record in succeeded(results.by_label().get(label, [])):
        by_steps = dict(zip(record["curve"]["steps"], record["curve"]["regret"], strict=True))
        steps = reached(record, "steps")
        rows.append(
            [
                str(record["seed"]),
                f"{record['regret']:,.1f}",
                f"{record['return']:,.1f}",
                f"{by_steps[5_000]:,.1f}" if 5_000 in by_steps else "-",
                f"{steps:,.0f}" if math.isfinite(steps) else "never",
            ]
        )
    return markdown(header, rows)


CURVES = Picture(
    "Regret over the training: interquartile mean over the seeds with its 95 % interval", lambda r: learning_curves(r.by_label())
)
CAPTION = (
    "Pendulum-v1: the last model on 500 starts, with the settings above; steps and seconds on a core to regret 15: medians over the seeds"
)
STUDY = Study(
    "overview",
    "our agents beside those of Stable-Baselines3 and rl-zoo3, and beside the coursework's",
    variants,
    seeds=10,
    tables={"summary": Table("In short", summary), "agents": Table(CAPTION, agents)}
    | {label.lower(): Table(f"{label}, seed by seed", partial(seeds, label=label)) for label in OURS.values()},
    pictures={
        "curves": CURVES,
        "profile": Picture("Share of all episodes with at most a given regret, with 95 % bands", lambda r: profile(r.by_label())),
    },
    leaves_out=frozenset({"training_returns", "diagnostics"}),
)
