"""The job of a study: trains and measures one agent."""

import argparse
import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
import torch as th
from numpy.typing import ArrayLike, NDArray
from rl_zoo3.exp_manager import ExperimentManager
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, sync_envs_normalization

from ca2_core.errors import UserError
from ca2_core.study.conditions import core_seconds
from ca2_core.study.file import import_modules
from ca2_rl.common.diagnostics import find_diagnostics, finished_returns
from ca2_rl.environments import with_limit
from ca2_rl.envs.classic_control_vec_env import ClassicControlVecEnv
from ca2_rl.optimum import optimal_returns
from ca2_rl.zoo.agents import first_episodes
from ca2_rl.zoo.hyperparams import resolve_classes
from ca2_rl.zoo.plugins import register

# Raise this with every change of what a training measures, so that older records are not reused
MEASUREMENT = 3
# Environments that an evaluation steps together
CHUNK = 100
# Added to the seed for evaluations during the training, whose initial states differ from those of the last evaluation
CURVE_SEED = 10_000

Array = NDArray[np.float64]
Settings = Mapping[str, Any]


class Recipe(ExperimentManager):
    """Makes an agent and its environments from hyperparameters as rl-zoo3 does, without rl-zoo3's folders, files and callbacks.

    :param settings: settings of a case
    :param seed: seed of the training
    """

    def __init__(self, settings: Settings, seed: int):
        super().__init__(
            argparse.Namespace(),
            settings["algo"],
            settings["env"],
            log_folder="",
            n_timesteps=settings["n_timesteps"],
            eval_freq=-1,
            eval_env_kwargs=dict(settings["eval_env_kwargs"]) or None,
            seed=seed,
            verbose=0,
            device="cpu",
        )
        if self.vec_env_class is DummyVecEnv:
            self.vec_env_class = ClassicControlVecEnv  # which steps any other env as DummyVecEnv does
        # a copy, because SB3 changes policy_kwargs
        self._given = deepcopy(dict(settings["hyperparams"])) | {"n_timesteps": settings["n_timesteps"]}

    def read_hyperparameters(self) -> tuple[dict[str, Any], dict[str, Any]]:
        if isinstance(self._given.get("policy_kwargs"), dict):
            self._given["policy_kwargs"] = resolve_classes(self._given["policy_kwargs"], "policy_kwargs")
        return self._given, {}

    def create_envs(self, n_envs: int, eval_env: bool = False, no_log: bool = True) -> VecEnv:
        if eval_env:
            self.eval_env_kwargs = with_limit(self.env_name.gym_id, self.eval_env_kwargs)
        env: VecEnv = super().create_envs(n_envs, eval_env, no_log=True)
        return env

    def create_log_folder(self) -> None:
        """Creates no folder."""

    def create_callbacks(self) -> None:
        """Adds no callbacks to those in the hyperparameters."""

    def _save_config(self, saved_hyperparams: dict[str, Any]) -> None:
        """Writes no file."""

    def build(self) -> BaseAlgorithm:
        """The untrained agent with its environments."""
        with redirect_stdout(StringIO()):
            built = self.setup_experiment()
        assert built is not None
        return built[0]

    def evaluation_envs(self, seeds: range) -> VecEnv:
        """Environments for evaluations, one for each seed. The agent must have been built before."""
        with redirect_stdout(StringIO()):
            env = self.create_envs(len(seeds), eval_env=True)
        env.seed(seeds.start)
        return env


# Each evaluation plays episodes with fixed seeds, so that the initial states are always the same


def curve_seeds(settings: Settings) -> range:
    """Seeds of the episodes of each evaluation during the training."""
    evaluation = settings["evaluation"]
    first = evaluation["seed"] + CURVE_SEED
    return range(first, first + evaluation["curve_episodes"])


def final_seeds(settings: Settings) -> range:
    """Seeds of the episodes of the last model's evaluation."""
    evaluation = settings["evaluation"]
    return range(evaluation["seed"], evaluation["seed"] + evaluation["episodes"])


@dataclass(frozen=True)
class Bench:
    """The best possible returns of the evaluations' episodes, each [episodes]; None if no regret is measured."""

    curve: Array | None = None
    final: Array | None = None

    @classmethod
    def prepare(cls, settings: Settings) -> "Bench":
        """Computes the bench for the settings of a case. An optimum that is not in the cache takes 10 s or more."""
        if settings["evaluation"]["metric"] != "regret":
            return cls()
        import_packages(settings)
        return cls(_optima(settings, curve_seeds(settings)), _optima(settings, final_seeds(settings)))


def _optima(settings: Settings, seeds: range) -> Array:
    env = make_vec_env(settings["env"], len(seeds), seed=seeds.start, env_kwargs=dict(settings["eval_env_kwargs"]))
    env.reset()
    optima = optimal_returns(env)
    env.close()
    if optima is None:
        raise UserError(f"the optimum of {settings['env']} with these env_kwargs is unknown, so there is no regret. Use return.")
    return optima


def import_packages(settings: Settings) -> None:
    """Imports the modules that register environments and algorithms. Each worker process needs it."""
    register()
    import_modules(settings["gym_packages"])


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Restores the global random generators after the block."""
    python, numpy, torch = random.getstate(), np.random.get_state(), th.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        th.set_rng_state(torch)


def episode_returns(model: BaseAlgorithm, env: VecEnv) -> Array:
    """Return of one deterministic episode in each env, [n_envs], as recorded by SB3's ``Monitor``: not normalised.

    :raises FloatingPointError: if a return is not finite
    """
    if model.get_vec_normalize_env() is not None:
        assert model.env is not None
        sync_envs_normalization(model.env, env)
    scores = np.array([score for score, _ in first_episodes(model, env)])
    if not np.isfinite(scores).all():
        raise FloatingPointError("diverged: the policy's returns are not finite")
    return scores


class Measurement(BaseCallback):
    """Evaluates the agent at regular intervals, makes it dump its log there, and records the returns of the training episodes.

    It does not change the training, and its time is not counted.

    :param env: environments of the evaluations
    :param seed: seed of the first episode
    :param interval: steps between two evaluations
    :param optima: best possible returns of the episodes; None if no regret is measured
    """

    def __init__(self, env: VecEnv, seed: int, interval: int, optima: Array | None = None):
        super().__init__()
        self.env, self.seed, self.interval, self.optima = env, seed, interval, optima
        self.curve: dict[str, list[float]] = {"steps": [], "seconds": [], "return": []}
        if optima is not None:
            self.curve["regret"] = []
        self.training_returns: list[float] = []
        self._next = interval
        self._begin = 0.0

    def _on_training_start(self) -> None:
        self._begin = core_seconds()

    def _on_step(self) -> bool:
        self.training_returns += finished_returns(self.locals["infos"])
        if self.num_timesteps >= self._next:
            self._next += self.interval * math.ceil((self.num_timesteps - self._next + 1) / self.interval)
            self.evaluate()
        return True

    def evaluate(self) -> None:
        """Adds a point to the curve, unless there is one for this step."""
        if self.curve["steps"] and self.curve["steps"][-1] >= self.num_timesteps:
            return
        if dump := getattr(self.model, "dump_logs", None):
            dump()
        paused = core_seconds()
        self.env.seed(self.seed)
        with kept_random_state():
            mean = float(episode_returns(self.model, self.env).mean())
        point = {"steps": self.num_timesteps, "seconds": paused - self._begin, "return": mean}
        if self.optima is not None:
            point["regret"] = float(self.optima.mean()) - mean
        for name, value in point.items():
            self.curve[name].append(value)
        self._begin += core_seconds() - paused


class Log(KVWriter):
    """Records the algorithm's log and its compile time."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.compile_seconds = 0.0

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        self.compile_seconds += key_values.get("time/compile_seconds", 0.0)
        self.rows.append({"steps": step} | find_diagnostics(key_values))

    def close(self) -> None:
        pass

    def curves(self) -> dict[str, list[float | None]]:
        """Logged values by name, one entry per dump; None where no finite value was logged."""
        names = dict.fromkeys(name for row in self.rows for name in row)
        return {name: [_digits(row[name]) if math.isfinite(row.get(name, math.nan)) else None for row in self.rows] for name in names}


def train(settings: Settings, seed: int, bench: Bench) -> dict[str, Any]:
    """Trains and measures one agent, in one thread.

    :param settings: settings of a case
    :return: the record, which can be written as JSON
    :raises FloatingPointError: if the training diverges
    """
    import_packages(settings)
    th.set_num_threads(1)
    recipe = Recipe(settings, seed)
    model, log = recipe.build(), Log()
    model.set_logger(Logger(None, [log]))
    steps, evaluation = settings["n_timesteps"], settings["evaluation"]
    curve_env = recipe.evaluation_envs(curve_seeds(settings))
    interval = max(steps // evaluation["evaluations"], 1)
    measurement = Measurement(curve_env, curve_seeds(settings).start, interval, bench.curve)
    model.learn(steps, CallbackList([*recipe.callbacks, measurement]), log_interval=None)  # type: ignore[arg-type]
    measurement.evaluate()
    curve_env.close()
    scores = {"return": _final_returns(recipe, model, final_seeds(settings))}
    if bench.final is not None:
        scores["regret"] = bench.final - scores["return"]
    metric = evaluation["metric"]
    assert model.env is not None
    model.env.close()
    return {
        "curve": {name: _rounded(values) for name, values in measurement.curve.items()},
        **{name: _digits(values.mean()) for name, values in scores.items()},
        # Percentiles 0 to 100 of the distribution over the episodes
        f"{metric}_percentiles": _rounded(np.percentile(scores[metric], np.arange(101))),
        "training_returns": _rounded(measurement.training_returns),
        "diagnostics": log.curves(),
        "train_seconds": _digits(measurement.curve["seconds"][-1]),
        "compile_seconds": _digits(log.compile_seconds),
    }


def _final_returns(recipe: Recipe, model: BaseAlgorithm, seeds: range) -> Array:
    found = []
    for first in range(0, len(seeds), CHUNK):
        env = recipe.evaluation_envs(seeds[first : first + CHUNK])
        found.append(episode_returns(model, env))
        env.close()
    return np.concatenate(found)


def _digits(value: Any) -> float:
    """Rounds to six significant digits."""
    return float(f"{value:.6g}")


def _rounded(values: ArrayLike) -> list[float]:
    """Rounds to five significant digits, enough for a curve."""
    return [float(f"{value:.5g}") for value in np.asarray(values).tolist()]
