"""Simulated trainings for the exercise ``compare``: thousands take little time, and the true quality of each agent is known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CHECKPOINTS, EPISODES = 10, 200


@dataclass(frozen=True)
class Run:
    """What the folder of a training with one seed contains.

    :param checkpoints: names of the saved models, from the first to the last
    :param training_returns: returns of the training episodes, each from its own initial state and with exploration, [episodes]
    :param losses: mean loss of each episode's gradient steps, [episodes]
    """

    checkpoints: tuple[str, ...]
    training_returns: Array
    losses: Array


@dataclass(frozen=True)
class Agents:
    """The trainings of two agents.

    :param a: runs of agent A
    :param b: runs of agent B
    :param evaluate: name of a checkpoint, initial states [N, 2] -> return of one deterministic episode from each, [N]
    :param costs: true mean regret of each checkpoint, by name; for the checks
    """

    a: tuple[Run, ...]
    b: tuple[Run, ...]
    evaluate: Callable[[str, Array], Array]
    costs: dict[str, float]


def simulate(seed: int, gap: float = 0.0, flattery: float = 0.0, runs: int = 10, last: Literal["good", "bad"] = "good") -> Agents:
    """Simulates trainings of two agents.

    :param seed: another seed gives other trainings of the same agents
    :param gap: A's mean return minus B's
    :param flattery: how much higher B's returns are *during the training*, because B explores less; B's loss is then lower as well
    :param runs: number of runs of each agent
    :param last: whether the last checkpoints are as good as those before ("good") or clearly worse ("bad")
    """
    rng = np.random.default_rng([seed, 1])
    costs: dict[str, float] = {}
    waves: dict[str, Array] = {}
    made: dict[str, list[Run]] = {"a": [], "b": []}
    for agent, its_runs in made.items():
        for number in range(runs):
            final = 20 + rng.normal(0, 5) + (gap if agent == "b" else 0)
            course = final + 250 * np.exp(-np.arange(1, CHECKPOINTS + 1) / 1.5) + rng.normal(0, 1, CHECKPOINTS)
            if last == "bad":
                course[-1] += rng.uniform(40, 80)
            names = tuple(f"{agent}{number}-{1000 * (i + 1)}" for i in range(CHECKPOINTS))
            costs |= dict(zip(names, course.tolist(), strict=True))
            waves |= {name: rng.uniform([3, 3, 0], [40, 40, 2 * np.pi]) for name in names}
            starts = rng.uniform([-np.pi, -1], [np.pi, 1], size=(EPISODES, 2))
            explored = 60 + (flattery / 2 if agent == "a" else -flattery / 2)
            progress = np.interp(np.arange(EPISODES), np.linspace(0, EPISODES, CHECKPOINTS), course)
            losses = rng.lognormal(0.3 if agent == "a" and flattery else 0, 0.2, EPISODES)
            its_runs.append(Run(names, luck(starts) - progress - explored + rng.normal(0, 20, EPISODES), losses))

    def evaluate(checkpoint: str, starts: Array) -> Array:
        a, b, phase = waves[checkpoint]
        starts = np.asarray(starts, dtype=np.float64)
        found: Array = luck(starts) - costs[checkpoint] + 25 * np.sin(a * starts[:, 0] + b * starts[:, 1] + phase)
        return found

    return Agents(tuple(made["a"]), tuple(made["b"]), evaluate, costs)


def luck(starts: Array) -> Array:
    """Best possible return from each initial state, [N, 2] -> [N]: 0 upright and -300 hanging down, both at rest."""
    turned: Array = -300 * np.abs(starts[:, 0] / np.pi) ** 1.5 - 5 * starts[:, 1] ** 2
    return turned
