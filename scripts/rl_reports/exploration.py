"""How the agents explore: memory of the noise, learned noise against epsilon-greedy, held choices, and the number of torques."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from reports import DocsTable, Picture, Report, without

from ca2_core.study.figures import band, label_lines, over, plain_figure, plain_log, style, tidy
from ca2_core.study.results import Results, succeeded
from rl_reports import columns, regrets, table

COLUMNS = columns("regret, IQM [95 %]", "best to worst seed", "steps to regret 15")
QUESTIONS = {
    "noise": "OUDDPG: noise with and without memory",
    "networks": "Noisy networks and epsilon-greedy, all else the same",
}


def compare(question: str) -> DocsTable:
    """The variants of one question, a row each."""
    return DocsTable(QUESTIONS[question], lambda results: table(results.by_variant(group=question), "", COLUMNS))


def sigma_curves(results: Results) -> Figure:
    """Mean sigma of each noisy layer over the training, relative to its initial value; a panel a layer."""
    groups = {label: succeeded(records) for label, records in results.by_variant(group="networks").items()}
    noisy = {label: records for label, records in groups.items() if records and "sigma_0" in records[0]["diagnostics"]}
    layers = sorted({name for records in noisy.values() for name in records[0]["diagnostics"] if name.startswith("sigma_")})
    figure = Figure(figsize=(3.4 * max(len(layers), 1), 3.4), layout="constrained")
    panels = figure.subplots(1, max(len(layers), 1), squeeze=False, sharey=True)[0]
    for j, (panel, layer) in enumerate(zip(panels, layers, strict=False)):
        for i, (label, records) in enumerate(noisy.items()):
            shortest = min(len(record["diagnostics"]["steps"]) for record in records)
            steps = records[0]["diagnostics"]["steps"][:shortest]
            sigmas = [np.array(record["diagnostics"][layer][:shortest], dtype=np.float64) for record in records]
            middle, low, high = band([sigma / sigma[0] for sigma in sigmas])
            panel.plot(steps, middle, label=label.removeprefix("noisy, "), color=style(i)["color"], linewidth=1.8)
            panel.fill_between(steps, low, high, color=style(i)["color"], alpha=0.15, linewidth=0)
        panel.set_title(f"Layer {j + 1}", loc="left", fontsize=10)
        over(panel, "steps")
        panel.xaxis.set_major_locator(MaxNLocator(3))
        tidy(panel)
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("Mean |sigma| relative to its initial value")
    for panel in panels[: len(layers)]:
        label_lines(panel)
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
        "sigma": Picture("Mean sigma of each noisy layer over the training, relative to its initial value", sigma_curves),
        "bins": Picture("Regret over the number of torques", regret_over_bins),
    },
    kept=without("training_returns", "regret_percentiles"),
)
