"""Adds algorithms to rl-zoo3 by entry points, without a fork.

A package declares its class or a ``Plugin``, under the lower-case name of the class::

    [project.entry-points."ca2_rl.algorithms"]
    myalgo = "my_package:MyAlgo"
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from rl_zoo3.hyperparams_opt import HYPERPARAMS_CONVERTER, HYPERPARAMS_SAMPLER
from rl_zoo3.utils import ALGOS
from stable_baselines3.common.base_class import BaseAlgorithm

from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN, Rainbow
from ca2_rl.zoo import search_spaces

GROUP = "ca2_rl.algorithms"

Sampler = Callable[..., dict[str, Any]]
Converter = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Plugin:
    """Everything that rl-zoo3 needs to know about an algorithm.

    :param algorithm: class of the algorithm
    :param hyperparams: YAML file in rl-zoo3's format, or a module with a dict ``hyperparams``; None if --conf-file is always needed
    :param sampler: (trial, n_actions, n_envs, additional_args) -> hyperparameters, for ``ca2-rl optimize``
    :param converter: parameters of a trial as Optuna stores them -> hyperparameters
    :param classes: classes in its saved agents next to its policies, such as a features extractor or a replay buffer; exactly these
        classes can be loaded without ``--trust``
    """

    algorithm: type[BaseAlgorithm]
    hyperparams: Path | str | None = None
    sampler: Sampler | None = None
    converter: Converter | None = None
    classes: tuple[type, ...] = ()


def _shipped(inside: str, beside: str) -> Path:
    """A data folder of this package: inside the package in the wheel, next to it in a checkout."""
    package = Path(__file__).parents[1]
    return package / inside if (package / inside).is_dir() else package.parent / beside


TRAINED_AGENTS = _shipped("rl-trained-agents", "rl-trained-agents")
HYPERPARAMS = _shipped("hyperparams", "hyperparams/rl")
DISCRETIZED_DQN = Plugin(DiscretizedDQN, HYPERPARAMS / "discretizeddqn.yml", search_spaces.sample_discretized_dqn, search_spaces.convert)
NOISY_DQN = Plugin(NoisyDQN, HYPERPARAMS / "noisydqn.yml", search_spaces.sample_noisy_dqn, search_spaces.convert)
RAINBOW = Plugin(Rainbow, HYPERPARAMS / "rainbow.yml", search_spaces.sample_rainbow, search_spaces.convert)
OU_DDPG = Plugin(OUDDPG, HYPERPARAMS / "ouddpg.yml", search_spaces.sample_ou_ddpg, search_spaces.convert)


@cache
def register() -> dict[str, Plugin]:
    """Adds the algorithms of all installed packages to rl-zoo3's tables. Returns them by key."""
    plugins = {}
    samplers: dict[str, Any] = HYPERPARAMS_SAMPLER
    converters: dict[str, Any] = HYPERPARAMS_CONVERTER
    for entry_point in entry_points(group=GROUP):
        plugin = _load(entry_point)
        if plugin is None:
            continue
        key = entry_point.name
        plugins[key] = plugin
        ALGOS[key] = plugin.algorithm
        if plugin.sampler is not None and plugin.converter is not None:
            samplers[key] = plugin.sampler
            converters[key] = plugin.converter
    return plugins


def _load(entry_point: EntryPoint) -> Plugin | None:
    """The plugin, or None after a line on stderr, so that one faulty package does not stop the others."""
    origin = f"algorithm {entry_point.name!r} of {entry_point.dist.name if entry_point.dist else 'an unknown package'}"
    try:
        loaded = entry_point.load()
    except Exception as error:
        print(f"ca2-rl: {origin} left out: its import failed: {error}", file=sys.stderr)
        return None
    plugin = Plugin(loaded) if isinstance(loaded, type) and issubclass(loaded, BaseAlgorithm) else loaded
    if not isinstance(plugin, Plugin):
        print(f"ca2-rl: {origin} left out: {loaded!r} is neither an SB3 algorithm nor a Plugin.", file=sys.stderr)
        return None
    if entry_point.name in ALGOS and ALGOS[entry_point.name] is not plugin.algorithm:
        print(f"ca2-rl: {origin} left out: rl-zoo3 has another algorithm with that name.", file=sys.stderr)
        return None
    return plugin
