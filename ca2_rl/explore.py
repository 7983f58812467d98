"""``ca2-rl explore``: describes an environment before anything is learned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from gymnasium import spaces
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from ca2_core.arguments import Parser, at_least, seed
from ca2_core.errors import UserError
from ca2_core.files import write_json
from ca2_core.tables import Table
from ca2_rl.environments import check_env, split_env_id
from ca2_rl.plot import save_figure

# Most components in the figure, and most with their own row in the table
MAX_COMPONENTS = 6
MAX_ROWS = 32
REWARD_GRID = 101
DEFAULT_LIMIT = 1000


@dataclass(frozen=True)
class StateAxes:
    """The two components of an env's ``state`` over which the reward is drawn; the others stay 0.

    :param indices: their indices in the state
    :param names: their names with units
    :param ranges: their lowest and highest values
    """

    indices: tuple[int, int]
    names: tuple[str, str]
    ranges: tuple[tuple[float, float], tuple[float, float]]


# Envs whose state can be set, by class name
STATE_AXES = {
    "PendulumEnv": StateAxes((0, 1), ("angle from upright [rad]", "angular velocity [rad/s]"), ((-np.pi, np.pi), (-8, 8))),
    "Continuous_MountainCarEnv": StateAxes((0, 1), ("position", "velocity"), ((-1.2, 0.6), (-0.07, 0.07))),
    "MountainCarEnv": StateAxes((0, 1), ("position", "velocity"), ((-1.2, 0.6), (-0.07, 0.07))),
    "CartPoleEnv": StateAxes((0, 2), ("cart position", "pole angle [rad]"), ((-4.8, 4.8), (-0.42, 0.42))),
    "AcrobotEnv": StateAxes((0, 1), ("first angle [rad]", "second angle [rad]"), ((-np.pi, np.pi), (-np.pi, np.pi))),
}


Policy = Callable[[], Any]


@dataclass(frozen=True)
class Play:
    """Results of a policy that ignores the observations.

    :param returns: return of each episode, [episodes]
    :param lengths: steps of each episode, [episodes]
    """

    returns: list[float]
    lengths: list[int]


@dataclass(frozen=True)
class Exploration:
    """Facts about an env before anything is learned.

    :param starts: first observations, [episodes, ...]
    :param plays: results of each policy, by name
    :param rewards: reward of the zero action in each state, [y, x] over ``STATE_AXES``, NaN where the action ends the episode;
        None for an env without ``STATE_AXES``
    """

    env: gym.Env[Any, Any]
    starts: list[Any]
    plays: dict[str, Play]
    rewards: np.ndarray | None


def explore(env: gym.Env[Any, Any], episodes: int, seed: int = 0) -> Exploration:
    """Records first observations, plays a random and a zero policy, and maps the reward over the states.

    :param episodes: number of resets, and of episodes of each policy, > 0
    :param seed: seed of the first episode; the next one has ``seed + 1``
    """
    seeds = range(seed, seed + episodes)
    env.action_space.seed(seed)
    policies: dict[str, Policy] = {"random": env.action_space.sample}
    zero = zero_action(env.action_space)
    if zero is not None:
        policies["zero"] = lambda: zero
    starts = [env.reset(seed=episode_seed)[0] for episode_seed in seeds]
    plays = {name: play(env, policy, seeds, name) for name, policy in policies.items()}
    axes = STATE_AXES.get(type(env.unwrapped).__name__)
    return Exploration(env, starts, plays, rewards_over_states(env, axes, zero) if axes else None)


def zero_action(space: spaces.Space[Any]) -> Any:
    """Zero, or the nearest value to it in a Box; the first action of a Discrete space; None for any other space."""
    if isinstance(space, spaces.Box):
        return np.clip(np.zeros(space.shape, dtype=space.dtype), space.low, space.high)
    return space.start if isinstance(space, spaces.Discrete) else None


def play(env: gym.Env[Any, Any], policy: Policy, seeds: Sequence[int], name: str) -> Play:
    """Plays one episode for each seed. An env without a time limit is stopped after 1,000 steps."""
    limit = (env.spec and env.spec.max_episode_steps) or DEFAULT_LIMIT
    result = Play([], [])
    for episode_seed in tqdm(seeds, desc=f"{name} policy", unit="episode", leave=False, disable=None):
        env.reset(seed=episode_seed)
        total, length, over = 0.0, 0, False
        while not over and length < limit:
            _, reward, terminated, truncated, _ = env.step(policy())
            total, length, over = total + float(reward), length + 1, terminated or truncated
        result.returns.append(total)
        result.lengths.append(length)
    return result


def rewards_over_states(env: gym.Env[Any, Any], axes: StateAxes, action: Any) -> np.ndarray:
    """Reward of ``action`` in each state of a grid: [y, x], NaN where the action ends the episode."""
    raw: Any = env.unwrapped
    env.reset(seed=0)
    n_components = len(raw.state)
    xs, ys = (np.linspace(*limits, REWARD_GRID) for limits in axes.ranges)
    rewards = np.empty((REWARD_GRID, REWARD_GRID))
    for row, y in enumerate(tqdm(ys, desc="rewards", leave=False, disable=None)):
        for column, x in enumerate(xs):
            raw.reset()
            state = np.zeros(n_components)
            state[list(axes.indices)] = x, y
            raw.state = state
            _, reward, terminated, _, _ = raw.step(action)
            rewards[row, column] = np.nan if terminated else reward
    return rewards


def draw(exploration: Exploration) -> Figure:
    """Draws the first observations, the rewards over the states and the returns side by side, leaving out what the env does not have."""
    panels = [_draw_starts] if _components(exploration) else []
    panels += [_draw_rewards] if exploration.rewards is not None else []
    panels.append(_draw_returns)
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.8), layout="constrained", squeeze=False)
    assert exploration.env.spec is not None
    figure.suptitle(exploration.env.spec.id, fontweight="bold")
    for draw_panel, panel in zip(panels, axes[0], strict=True):
        draw_panel(panel, exploration)
    return figure


def _draw_starts(panel: Axes, exploration: Exploration) -> None:
    components = _components(exploration)[:MAX_COMPONENTS]
    panel.boxplot([values for _, values in components], orientation="horizontal", whis=(0, 100))
    panel.set_yticks(range(1, len(components) + 1), [name for name, _ in components])
    panel.invert_yaxis()
    panel.set_title(f"First observations of {len(exploration.starts)} episodes")


def _draw_rewards(panel: Axes, exploration: Exploration) -> None:
    axes = STATE_AXES[type(exploration.env.unwrapped).__name__]
    assert exploration.rewards is not None
    ends = " (white: the episode ends)" if np.isnan(exploration.rewards).any() else ""
    image = panel.imshow(exploration.rewards, origin="lower", aspect="auto", extent=(*axes.ranges[0], *axes.ranges[1]))
    panel.figure.colorbar(image, ax=panel)
    panel.set(title=f"Reward of the zero action{ends}", xlabel=axes.names[0], ylabel=axes.names[1])


def _draw_returns(panel: Axes, exploration: Exploration) -> None:
    bins = np.histogram_bin_edges(np.concatenate([played.returns for played in exploration.plays.values()]), bins=20)
    for name, played in exploration.plays.items():
        panel.hist(played.returns, bins=bins, alpha=0.6, label=name)  # type: ignore[arg-type]
    panel.set(title="Return without learning", xlabel="return", ylabel="episodes")
    panel.locator_params(axis="x", nbins=6)
    panel.legend(frameon=False)


def _components(exploration: Exploration) -> list[tuple[str, np.ndarray]]:
    """Name and first values of each observation component; an empty list if there are too many or the space is not a Box."""
    space = exploration.env.observation_space
    if not isinstance(space, spaces.Box) or int(np.prod(space.shape)) > MAX_ROWS:
        return []
    values = np.array(exploration.starts).reshape(len(exploration.starts), -1).T
    return [(f"obs[{i}]", component) for i, component in enumerate(values)]


def _describe_spaces(exploration: Exploration) -> list[dict[str, Any]]:
    """One record for each component of the observation and of the action."""
    env, records = exploration.env, list[dict[str, Any]]()
    starts = {name: {"start_low": float(at.min()), "start_high": float(at.max())} for name, at in _components(exploration)}
    for label, space in (("obs", env.observation_space), ("action", env.action_space)):
        if not isinstance(space, spaces.Box) or int(np.prod(space.shape)) > MAX_ROWS:
            records.append({"component": label, "space": str(space)})
            continue
        for i, (low, high) in enumerate(zip(space.low.flat, space.high.flat, strict=True)):
            component = f"{label}[{i}]"
            records.append({"component": component, "low": _bound(low), "high": _bound(high)} | starts.get(component, {}))
    return records


def _bound(value: np.generic) -> float | None:
    """The value; None if it is infinite, because JSON has no infinity."""
    return float(value) if np.isfinite(value) else None


def _describe_returns(exploration: Exploration) -> list[dict[str, Any]]:
    statistics: dict[str, Callable[[list[float]], Any]] = {"mean": np.mean, "std": np.std, "min": np.min, "max": np.max}
    return [
        {"policy": name, "episodes": len(played.returns)}
        | {key: float(of(played.returns)) for key, of in statistics.items()}
        | {"length": float(np.mean(played.lengths))}
        for name, played in exploration.plays.items()
    ]


def _print_records(title: str, columns: dict[str, str], records: list[dict[str, Any]]) -> None:
    """:param columns: header of each column, by key of the records"""

    def cell(value: Any) -> str:
        return "none" if value is None else f"{value:.4g}" if isinstance(value, (int, float)) else str(value)

    Table(list(columns.values()), [[cell(record.get(key, "")) for key in columns] for record in records], title).print()


def main(argv: list[str]) -> None:
    """``ca2-rl explore``."""
    parser = Parser(
        prog="ca2-rl explore",
        description="Describes an environment: the ranges of observations and actions, the first observations, the reward over "
        "the states (for Gymnasium's classic control), and the return of a random and of a zero policy. "
        "Prints tables; writes explore.png and explore.json.",
    )
    parser.add_argument("--env", required=True, metavar="ID", help="environment id, or module:id")
    parser.add_argument("--episodes", type=at_least(1), default=100, help="resets, and episodes of each policy (default: 100)")
    parser.add_argument("--seed", type=seed, default=0, help="seed of the first episode; the next one has seed + 1 (default: 0)")
    parser.add_argument("--gym-packages", nargs="+", default=[], metavar="PACKAGE", help="import these packages, which register envs")
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="output folder (default: explore-ID)")
    arguments = parser.parse_args(argv)
    arguments.env, modules = split_env_id(arguments.env)
    check_env(arguments.env, [*modules, *arguments.gym_packages])
    try:
        env = gym.make(arguments.env)
    except gym.error.Error as error:
        raise UserError(f"{arguments.env}: {error}") from error
    exploration = explore(env, arguments.episodes, arguments.seed)

    described, returns = _describe_spaces(exploration), _describe_returns(exploration)
    ranges = {"component": "component", "low": "low", "high": "high", "start_low": "start from", "start_high": "to"}
    if any("space" in record for record in described):
        ranges["space"] = "space"
    _print_records("Observations and actions", ranges, described)
    columns = {"policy": "policy", "mean": "return", "std": "std", "min": "min", "max": "max", "length": "steps"}
    _print_records(f"Return over {arguments.episodes} episodes", columns, returns)

    folder = arguments.out or Path(f"explore-{arguments.env.replace('/', '-')}")
    matplotlib.use("agg")
    save_figure(draw(exploration), folder / "explore.png")
    content = {"env": arguments.env, "seed": arguments.seed, "spaces": described, "returns": returns}
    write_json(folder / "explore.json", content)
    print(f"Written to {folder}/explore.png and explore.json")
