"""From the coursework's agents, as far as their settings are known, to ours, one change at a time."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from reports import DocsTable, Picture, Report, without

from ca2_core.study.figures import learning_curves
from ca2_core.study.results import Array, Records, Results, iqm_text, label_text, mean_text, scores, succeeded
from ca2_core.tables import Table
from ca2_rl.study.hyperparams import shipped
from rl_reports import EVALUATION, OURS, PENDULUM, REGRET, TARGET, regrets, solved_text
from rl_reports.overview import COURSEWORK

# The coursework gives the algorithms and the ranges that it tuned in. All else is SB3's default, but for the number of torques
NETWORK = {"policy": "MlpPolicy", "learning_rate": 1e-3, "gamma": 0.99, "batch_size": 64, "net_arch": [64, 64]}
DQN = {"n_bins": 11, "train_freq": 4, "target_update_interval": 10_000, "tau": 1.0, "learning_starts": 100}
EPSILON = {"exploration_fraction": 0.1, "exploration_final_eps": 0.05}
# The noise as in SB3 too, with its dt of 0.01; theta is 0.15 everywhere
DDPG = {"ou_sigma": 0.2, "ou_dt": 0.01, "train_freq": 1, "tau": 0.005, "learning_starts": 100}
# What belongs into policy_kwargs or env_kwargs stands beside the rest here
COURSEWORK_SETTINGS: dict[str, dict[str, Any]] = {
    "discretizeddqn": NETWORK | DQN | EPSILON,
    "noisydqn": NETWORK | DQN,
    "ouddpg": NETWORK | DDPG,
}
# Those of a constructor that matter here: an entry in the shipped file that says the same changes nothing
DEFAULTS = {"noisydqn": {"sigma0": 0.5}, "ouddpg": {"ou_dt": 1.0}}
# In this order, those of a group at once. Last, what pays only together: short episodes and wide networks
CHANGES = (
    ("train_freq",),
    ("target_update_interval", "tau"),
    ("ou_dt", "ou_sigma"),
    ("learning_starts",),
    ("learning_rate",),
    ("weight_decay", "actor_optimizer_kwargs"),
    ("gamma",),
    ("batch_size",),
    ("n_critics", "critic_aggregation"),
    ("activation_fn", "critic_activation_fn"),
    ("critic_loss",),
    ("target_policy_noise",),
    ("n_bins",),
    ("exploration_fraction", "exploration_final_eps"),
    ("sigma0",),
    ("n_steps",),
    ("exploration_hold",),
    ("max_episode_steps",),
    ("net_arch",),
)


def chain(algo: str) -> dict[str, dict[str, Any]]:
    """The coursework's settings, then each change on top of the ones before, up to the shipped settings: by label."""
    agent, settings, defaults = OURS[algo], COURSEWORK_SETTINGS[algo], DEFAULTS.get(algo, {})
    ours = defaults | flat(shipped(algo, PENDULUM))
    steps = {"n_timesteps": ours["n_timesteps"]}
    variants = {f"{agent}, the coursework's": nested(settings | steps)}
    for group in CHANGES:
        after = {name: value for name, value in settings.items() if name not in group} | {
            name: ours[name] for name in group if name in ours
        }
        changed = [f"{name} {_short(after.get(name))}" for name in group if after.get(name) != (defaults | settings).get(name)]
        if changed:
            variants[f"{agent}, + {', '.join(changed)}"] = nested(after | steps)
        settings = after
    return variants


def flat(hyperparams: dict[str, Any]) -> dict[str, Any]:
    """The zoo's format with the entries of ``env_kwargs``, ``policy_kwargs`` and ``optimizer_kwargs`` in it beside the others."""
    policy = hyperparams["policy_kwargs"]
    settings = hyperparams | policy | policy.get("optimizer_kwargs", {}) | hyperparams.get("env_kwargs", {})
    return {name: value for name, value in settings.items() if name not in ("env_kwargs", "policy_kwargs", "optimizer_kwargs")}


def nested(settings: dict[str, Any]) -> dict[str, Any]:
    """The inverse of ``flat``."""

    def those(*names: str) -> dict[str, Any]:
        return {name: settings[name] for name in names if name in settings}

    env, optimizer = those("max_episode_steps"), those("weight_decay")
    policy = those("net_arch", "activation_fn", "critic_activation_fn", "n_critics", "actor_optimizer_kwargs")
    outer = {name: value for name, value in settings.items() if name not in env | policy | optimizer}
    kwargs = {"env_kwargs": env, "policy_kwargs": policy | ({"optimizer_kwargs": optimizer} if optimizer else {})}
    return outer | {name: entries for name, entries in kwargs.items() if entries}


def _short(value: Any) -> str:
    """A value as a table shows it."""
    return "as by default" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def content() -> dict[str, Any]:
    """What the study's file would say."""
    variants = {
        label: {"algo": algo, "base": "none", "group": OURS[algo]} | hyperparams
        for algo in OURS
        for label, hyperparams in chain(algo).items()
    }
    title = "From the coursework's agents, as far as their settings are known, to ours, one change at a time"
    return {"title": title, "seeds": 10, "evaluation": EVALUATION, "environments": {PENDULUM: {}}, "variants": variants}


def returns_during(records: Records) -> Array:
    """Mean return of each training's own episodes, exploration included, of those that succeeded and ended an episode."""
    return np.array([np.mean(record["training_returns"]) for record in succeeded(records) if record["training_returns"]])


def changes(results: Results) -> str:
    """A row for each change, and where the regret falls below the target for good."""
    header = ["each change on top of the ones before", "return during the training", "return of the last model", "regret, IQM [95 %]"]
    header += ["steps to regret 15", "seeds below 15"]
    rows = []
    for agent in OURS.values():
        below = False
        rows.append([f"**{agent}: the coursework reported**", f"{COURSEWORK[agent]:.0f}", "", "", "", ""])
        for label, records in results.by_variant(group=agent).items():
            values = regrets(records)
            cut = any("env_kwargs" in results.settings(record)["hyperparams"] for record in records)  # fewer steps: no comparison
            cells = [
                label_text(label.removeprefix(f"{agent}, "), records),
                "-" if cut else mean_text(returns_during(records)),
                mean_text(scores(records, "return")),
                iqm_text(values),
                solved_text(records),
                f"{(values < TARGET).sum()} of {len(records)}",
            ]
            if not below and len(values) and np.median(values) < TARGET:
                below = True
                cells[0] = f"**{cells[0]}: here most seeds fall below {TARGET:g}**"
            rows.append(cells)
    note = (
        "\n\nThe coursework gives the algorithms and the values that it tuned; all else is SB3's default (11 torques), so that this is not "
        "its code. Its averages may be over the episodes of the training, exploration included: compare them with the first column."
    )
    return Table(header, rows).markdown() + note


def curves(agent: str, what: str) -> Picture:
    """An agent's learning curves, named without it.

    :param what: differs between them
    """

    def draw(results: Results) -> Figure:
        groups = {label.removeprefix(f"{agent}, "): records for label, records in results.by_variant(group=agent).items()}
        return learning_curves(groups, REGRET)

    return Picture(f"{agent}: regret over the training, {what}", draw)


REPORT = Report(
    tables={"changes": DocsTable("From the coursework's settings to ours", changes)},
    pictures={f"curves-{algo}": curves(agent, "change by change") for algo, agent in OURS.items()},
    kept=without("regret_percentiles", "diagnostics"),
)
