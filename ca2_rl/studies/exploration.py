"""How the agents explore: memory of the noise, learned noise against epsilon-greedy, held choices, and the number of torques."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ca2_rl.studies.figures import band, legend, log_regret, over_steps, plain_figure, style
from ca2_rl.studies.jobs import Variant
from ca2_rl.studies.results import (
    Results,
    iqm_text,
    label_text,
    markdown,
    mean_text,
    reached_text,
    scores,
    std_text,
    succeeded,
)
from ca2_rl.studies.settings import shipped
from ca2_rl.studies.study import Picture, Study, Table

SIGMAS = (0.1, 0.2)
# The paper's theta of 0.15, for each step as by default, or for each hundredth of one as in SB3 and in many tutorials
MEMORIES = {"OU, dt 1": {}, "OU, dt 0.01": {"ou_dt": 0.01}}
# exp(-theta dt) = 0: the process forgets all at each step, which is Gaussian noise; a sigma for the std of OU with dt 1
NO_MEMORY = 1000.0
HOLDS = (1, 5, 10, 20, 50)
BINS = (2, 3, 4, 5, 7, 9, 11, 15, 21)
EPSILON_GREEDY = {"exploration_fraction": 0.2, "exploration_final_eps": 0.05}
NO_EPSILON = {"exploration_initial_eps": 0.0, "exploration_final_eps": 0.0}


def ou(label: str, sigma: float, **process: Any) -> Variant:
    """OUDDPG as shipped, with another noise."""
    return Variant(label, "ouddpg", shipped("ouddpg", ou_sigma=sigma, **process), {"question": "noise"})


def noises() -> list[Variant]:
    found = [ou("no noise", 0.0)]
    for sigma in SIGMAS:
        found += [ou(f"{name}, sigma {sigma}", sigma, **process) for name, process in MEMORIES.items()]
        std = sigma / np.sqrt(2 * 0.15)
        found.append(ou(f"Gaussian, std {std:.2f}", float(std * np.sqrt(2 * NO_MEMORY)), ou_theta=NO_MEMORY, ou_dt=1.0))
    return found


def networks() -> list[Variant]:
    """NoisyDQN and, with its very settings, DiscretizedDQN with and without epsilon-greedy actions."""
    tags = {"question": "networks"}
    settings = {name: value for name, value in shipped("noisydqn").items() if name != "sigma0"}
    return [
        *(Variant(f"noisy, sigma0 {sigma0}", "noisydqn", settings | {"sigma0": sigma0}, tags) for sigma0 in (0.1, 0.5, 1.0)),
        Variant("epsilon-greedy", "discretizeddqn", settings | EPSILON_GREEDY, tags),
        Variant("neither", "discretizeddqn", settings | NO_EPSILON, tags),
    ]


def holds() -> list[Variant]:
    return [
        Variant(f"{label}, up to {n} steps", algo, shipped(algo, exploration_hold=n), {"question": "holds"})
        for algo, label in (("discretizeddqn", "DiscretizedDQN"), ("noisydqn", "NoisyDQN"))
        for n in HOLDS
    ]


def bins() -> list[Variant]:
    return [Variant(f"{n} torques", "discretizeddqn", shipped("discretizeddqn", n_bins=n), {"question": "bins", "n_bins": n}) for n in BINS]


def variants() -> list[Variant]:
    return [*noises(), *networks(), *holds(), *bins()]


def compare(results: Results, question: str) -> str:
    """The variants of one question, a row each."""
    header = ["", "return", "regret", "std over seeds", "regret, IQM [95 %]", "steps to regret 15"]
    rows = []
    for label, records in results.by_label(question=question).items():
        regrets = scores(records)
        rows.append(
            [
                label_text(label, records),
                mean_text(scores(records, "return")),
                mean_text(regrets),
                std_text(regrets),
                iqm_text(regrets),
                reached_text(records, "steps"),
            ]
        )
    return markdown(header, rows)


def sigma_curves(results: Results) -> Figure:
    """Mean sigma of each noisy layer over the training, relative to where it starts."""
    figure, panel = plain_figure()
    groups = {label: succeeded(records) for label, records in results.by_label(question="networks").items()}
    noisy = {label: records for label, records in groups.items() if records and "sigma_0" in records[0]["diagnostics"]}
    for i, (label, records) in enumerate(noisy.items()):
        layers = sorted(name for name in records[0]["diagnostics"] if name.startswith("sigma_"))
        for j, layer in enumerate(layers):
            shortest = min(len(record["diagnostics"]["steps"]) for record in records)
            steps = records[0]["diagnostics"]["steps"][:shortest]
            sigmas = [np.array(record["diagnostics"][layer][:shortest], dtype=np.float64) for record in records]
            middle, low, high = band([sigma / sigma[0] for sigma in sigmas])
            line = ("-", "--", ":")[j % 3]
            panel.plot(steps, middle, label=f"{label}, layer {j + 1}", color=style(i)["color"], linestyle=line, linewidth=1.8)
            panel.fill_between(steps, low, high, color=style(i)["color"], alpha=0.15, linewidth=0)
    panel.set_ylim(bottom=0)
    over_steps(panel)
    panel.set_ylabel("Mean |sigma| of a layer, relative to its start")
    legend(figure)
    return figure


def regret_over_bins(results: Results) -> Figure:
    """Each seed's regret over the number of torques, and the interquartile mean."""
    figure, panel = plain_figure(6.0)
    groups = list(results.by_label(question="bins").values())
    there = [(records[0]["tags"]["n_bins"], scores(records)) for records in groups if len(scores(records))]
    for n_bins, regrets in there:
        panel.plot([n_bins] * len(regrets), np.maximum(regrets, 0.1), ".", color="0.6", markersize=5)
    if len({len(regrets) for _, regrets in there}) == 1:
        middle, low, high = band(list(np.stack([regrets for _, regrets in there]).T))
        counts = [n_bins for n_bins, _ in there]
        panel.plot(counts, middle, color=style(0)["color"], linewidth=1.8)
        panel.fill_between(counts, low, high, color=style(0)["color"], alpha=0.15, linewidth=0)
    panel.set_yscale("log")
    log_regret(panel.yaxis)
    panel.set_xticks(BINS)
    panel.set_xlabel("Number of torques, end points included")
    panel.set_ylabel("Regret: seeds, and interquartile mean with its interval")
    return figure


STUDY = Study(
    "exploration",
    "OU against Gaussian noise and none; noisy nets against epsilon-greedy; held choices; 2 to 21 torques",
    variants,
    seeds=10,
    tables={
        "noise": Table("OUDDPG: noise with and without memory", lambda results: compare(results, "noise")),
        "networks": Table("Noisy networks and epsilon-greedy, all other settings the same", lambda results: compare(results, "networks")),
        "holds": Table("How long a random torque, or a draw of the noise, is held", lambda results: compare(results, "holds")),
        "bins": Table("DiscretizedDQN: number of torques", lambda results: compare(results, "bins")),
    },
    pictures={
        "sigma": Picture("Sigma over the training, by layer, relative to its start", sigma_curves),
        "bins": Picture("Regret over the number of torques", regret_over_bins),
    },
    leaves_out=frozenset({"training_returns", "regret_percentiles"}),
)
