"""How the agents explore: memory of the noise, learned noise against epsilon-greedy, held choices, and the number of torques."""

import numpy as np
from matplotlib.figure import Figure

from ca2_core.study.figures import band, legend, over_steps, plain_figure, plain_log, style
from ca2_core.study.results import Results, succeeded
from rl_reports import Report, Titled, columns, regrets, table

COLUMNS = columns("return", "regret", "std over seeds", "regret, IQM [95 %]", "steps to regret 15")
QUESTIONS = {
    "noise": "OUDDPG: noise with and without memory",
    "networks": "Noisy networks and epsilon-greedy, all else the same",
    "holds": "How long a random torque, or a draw of the noise, is held",
    "bins": "DiscretizedDQN: number of torques",
}


def compare(question: str) -> Titled[str]:
    """The variants of one question, a row each."""
    return Titled(QUESTIONS[question], lambda results: table(results.by_variant(group=question), "", COLUMNS))


def sigma_curves(results: Results) -> Figure:
    """Mean sigma of each noisy layer over the training, relative to where it starts."""
    figure, panel = plain_figure()
    groups = {label: succeeded(records) for label, records in results.by_variant(group="networks").items()}
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
    groups = list(results.by_variant(group="bins").values())
    there = [(results.settings(records[0])["hyperparams"]["n_bins"], values) for records in groups if len(values := regrets(records))]
    for n_bins, values in there:
        panel.plot([n_bins] * len(values), np.maximum(values, 0.1), ".", color="0.6", markersize=5)
    counts = [n_bins for n_bins, _ in there]
    if len({len(values) for _, values in there}) == 1:
        middle, low, high = band(list(np.stack([values for _, values in there]).T))
        panel.plot(counts, middle, color=style(0)["color"], linewidth=1.8)
        panel.fill_between(counts, low, high, color=style(0)["color"], alpha=0.15, linewidth=0)
    panel.set_yscale("log")
    plain_log(panel.yaxis)
    panel.set_xticks(counts)
    panel.set_xlabel("Number of torques, end points included")
    panel.set_ylabel("Regret: seeds, and interquartile mean with its interval")
    return figure


REPORT = Report(
    tables={question: compare(question) for question in QUESTIONS},
    pictures={
        "sigma": Titled("Sigma over the training, by layer, relative to its start", sigma_curves),
        "bins": Titled("Regret over the number of torques", regret_over_bins),
    },
    left_out=("training_returns", "regret_percentiles"),
)
