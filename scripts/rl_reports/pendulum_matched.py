"""Ten algorithms under one protocol, and as they are shipped."""

from functools import partial

from matplotlib.figure import Figure
from reports import DocsTable, Picture, Report, without

from ca2_core.study.figures import learning_curves
from ca2_core.study.results import Records, Results, label_text, reached, succeeded
from ca2_core.tables import Table
from ca2_rl.envs.pendulum import EPISODE_STEPS
from rl_reports import COLUMNS, REGRET, TARGET, columns

# SB3's default in each of its off-policy algorithms
LEARNING_STARTS = 100
SOON = 5_000
MATCHED = {length: f"training episodes of {length} steps" for length in (25, EPISODE_STEPS)}
SHIPPED = "as shipped"
# What a figure can hold: the agents by what chooses their actions
FAMILIES = {
    "of values": ("DiscretizedDQN", "NoisyDQN", "Rainbow", "DQN, SB3"),
    "with an actor": ("OUDDPG", "DDPG and OU noise", "DDPG, SB3", "TD3, SB3", "SAC, SB3", "TQC, contrib"),
}


def soon_text(records: Records) -> str:
    """How many of the seeds were below the target soon."""
    return f"{sum(reached(record, REGRET, TARGET, 'steps') <= SOON for record in succeeded(records))} of {len(records)}"


def agents(results: Results, tasks: list[str]) -> str:
    """A row for each agent: how it was trained and how it ended."""
    measured = columns("regret, IQM [95 %]", "best to worst seed")
    measured |= {f"regret at most {TARGET:.0f} by {SOON:,} steps": soon_text, "seconds of a core": COLUMNS["seconds of training"]}
    rows = []
    for task in tasks:
        for agent, records in results.by_variant(task).items():
            settings = results.settings(records[0])
            hyperparams = settings["hyperparams"]
            length = hyperparams.get("env_kwargs", {}).get("max_episode_steps", EPISODE_STEPS)
            learns = hyperparams.get("learning_starts", LEARNING_STARTS)
            protocol = [f"{length} steps", f"{learns:,} of {settings['n_timesteps']:,}"]
            rows.append([label_text(agent, records), *protocol, *(cell(records) for cell in measured.values())])
    return Table(["agent", "training episodes", "learns from step", *measured], rows).markdown()


def summary(results: Results) -> str:
    """A row for each algorithm: the regret with short and with whole training episodes."""
    by_task = {task: results.by_variant(task) for task in MATCHED.values()}
    agents = dict.fromkeys(agent for found in by_task.values() for agent in found)
    rows = [[agent, *(COLUMNS["regret, IQM [95 %]"](found.get(agent, [])) for found in by_task.values())] for agent in agents]
    return Table(["agent", *(f"regret, {task}" for task in by_task)], rows).markdown()


def curves(family: str, length: int = EPISODE_STEPS) -> Picture:
    """The regret along the trainings of a family of agents."""

    def draw(results: Results) -> Figure:
        found = results.by_variant(MATCHED[length])
        return learning_curves({agent: found[agent] for agent in FAMILIES[family] if agent in found}, REGRET)

    title = f"Agents {family}, training episodes of {length} steps: regret over the training, interquartile mean with its 95 % interval"
    return Picture(title, draw)


REPORT = Report(
    tables={
        "summary": DocsTable("Regret under one protocol", summary),
        "matched": DocsTable("Under one protocol", partial(agents, tasks=list(MATCHED.values()))),
        "shipped": DocsTable("As shipped by ca2 and rl-zoo3", partial(agents, tasks=[SHIPPED])),
    },
    pictures={f"curves-{family.replace(' ', '-')}": curves(family) for family in FAMILIES},
    kept=without("training_returns", "diagnostics", "regret_percentiles"),
)
