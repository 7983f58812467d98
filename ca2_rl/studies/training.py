"""One training of a study, and what is measured of it."""

import math
import os
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch as th
from numpy.typing import ArrayLike, NDArray
from rl_zoo3.utils import ALGOS, get_wrapper_class
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.type_aliases import PolicyPredictor
from stable_baselines3.common.utils import LinearSchedule

from ca2_core.errors import UserError, did_you_mean
from ca2_rl.common.diagnostics import find_diagnostics, finished_returns
from ca2_rl.envs import pendulum
from ca2_rl.envs.pendulum_vec_env import PendulumVecEnv
from ca2_rl.optimum import PendulumOptimum, returns
from ca2_rl.studies.jobs import Job
from ca2_rl.studies.settings import PENDULUM
from ca2_rl.zoo.plugins import register

# Evaluations during a training, and entries of its log
POINTS = 20
# Starts of the evaluations during a training and after it: neither are those that hyperparameters were chosen on
CURVE_STARTS, CURVE_SEED = 100, 20_000
FINAL_STARTS, FINAL_SEED = 500, 10_000
# Hyperparameters in the zoo's format that say how the env is made
OF_THE_ENV = ("env_kwargs", "env_wrapper")
# The last part of a training, over which a selection criterion is averaged
LATE = 0.2

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Starts:
    """Fixed starts and what is possible from there.

    :param states: theta and theta dot, [N, 2]
    :param optimal_returns: [N]
    """

    states: Array
    optimal_returns: Array

    @classmethod
    def sample(cls, n: int, seed: int, optimum: PendulumOptimum) -> "Starts":
        states = pendulum.sample_starts(n, seed)
        return cls(states, optimum.returns(states))

    def returns(self, predictor: PolicyPredictor) -> Array:
        """The deterministic policy's returns, [N].

        :raises FloatingPointError: if one is not finite
        """
        scores = returns(predictor, self.states)
        if not np.isfinite(scores).all():
            raise FloatingPointError("diverged: the policy's torques are not finite")
        return scores


@dataclass(frozen=True)
class Evaluations:
    """The starts of all evaluations. Made once: the optimum takes 10 s and 1 GB where it is not cached."""

    curve: Starts
    final: Starts

    @classmethod
    def sample(cls, optimum: PendulumOptimum | None = None) -> "Evaluations":
        optimum = optimum or PendulumOptimum()
        return cls(Starts.sample(CURVE_STARTS, CURVE_SEED, optimum), Starts.sample(FINAL_STARTS, FINAL_SEED, optimum))


class Torques:
    """Makes a model that predicts indices predict torques.

    :param model: of a Discrete action space
    :param actions: what the indices stand for, [n_actions, 1]
    """

    def __init__(self, model: BaseAlgorithm, actions: np.ndarray):
        self.model, self.actions = model, actions

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        indices, state = self.model.predict(observation, state, episode_start, deterministic)
        return self.actions[indices], state


def core_seconds() -> float:
    """Time on a core of this process and of the programs it ran: unlike the clock's, it does not grow where a machine is shared."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Measurement(BaseCallback):
    """Evaluates the policy from time to time, and keeps the returns of the training's own episodes.

    The evaluations draw no random number and change nothing: the training is the same without them.

    :param predictor: the policy, in torques
    :param starts: where the evaluations start
    :param interval: steps between two evaluations
    """

    def __init__(self, predictor: PolicyPredictor, starts: Starts, interval: int):
        super().__init__()
        self.predictor, self.starts, self.interval = predictor, starts, interval
        self.curve: dict[str, list[float]] = {"steps": [], "seconds": [], "return": [], "regret": []}
        self.training_returns: list[float] = []
        self._begin = 0.0

    def _on_training_start(self) -> None:
        self._begin = core_seconds()

    def _on_step(self) -> bool:
        self.training_returns += finished_returns(self.locals["infos"])
        if self.num_timesteps % self.interval == 0:
            self.evaluate()
        return True

    def evaluate(self) -> None:
        """Adds a point to the curve, unless this step has one; the clock of the training stands still meanwhile."""
        paused = core_seconds()
        steps = self.curve["steps"]
        if not steps or steps[-1] < self.num_timesteps:
            mean = float(self.starts.returns(self.predictor).mean())
            regret = float(self.starts.optimal_returns.mean()) - mean
            for name, value in zip(self.curve, (self.num_timesteps, paused - self._begin, mean, regret), strict=True):
                self.curve[name].append(value)
        self._begin += core_seconds() - paused


class Diagnostics(KVWriter):
    """Keeps gradient norm, loss, mean Q-value and return as the algorithm logs them, and how long it compiled."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.compile_seconds = 0.0

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        self.compile_seconds += key_values.get("time/compile_seconds", 0.0)
        self.rows.append({"steps": step} | find_diagnostics(key_values))

    def close(self) -> None:
        pass

    def curves(self) -> dict[str, list[float | None]]:
        """By name, one entry a dump; None where nothing was logged, or nothing finite."""
        names = dict.fromkeys(name for row in self.rows for name in row)
        return {name: [_digits(row[name]) if math.isfinite(row.get(name, math.nan)) else None for row in self.rows] for name in names}


def build(algo: str, hyperparams: dict[str, Any], seed: int) -> tuple[BaseAlgorithm, PolicyPredictor]:
    """A model as the zoo builds it, and its policy in torques.

    :param algo: the zoo's key
    :param hyperparams: in the zoo's format
    :raises UserError: if there is no such algorithm
    """
    register()
    if algo not in ALGOS:
        raise UserError(f"no algorithm {algo!r}.{did_you_mean(algo, ALGOS)}")
    hyperparams = deepcopy(hyperparams)  # SB3 writes into policy_kwargs
    arguments = {name: value for name, value in hyperparams.items() if name not in ("n_timesteps", *OF_THE_ENV, "noise_type", "noise_std")}
    if isinstance(rate := arguments.get("learning_rate"), str):
        arguments["learning_rate"] = LinearSchedule(float(rate.removeprefix("lin_")), 0.0, 1.0)
    if hyperparams.get("noise_type") == "normal":
        arguments["action_noise"] = NormalActionNoise(np.zeros(1), np.full(1, hyperparams["noise_std"]))
    env_kwargs = hyperparams.get("env_kwargs")
    env = make_vec_env(PENDULUM, seed=seed, wrapper_class=get_wrapper_class(hyperparams), env_kwargs=env_kwargs, vec_env_cls=PendulumVecEnv)
    model = ALGOS[algo](env=env, seed=seed, device="cpu", **arguments)
    wrapped = [actions for actions in env.get_attr("actions") if actions is not None] if "env_wrapper" in hyperparams else []
    return model, Torques(model, wrapped[0]) if wrapped else model


def train(job: Job, evaluations: Evaluations) -> dict[str, Any]:
    """Trains one agent, in one thread.

    :return: what is measured, ready for JSON
    :raises FloatingPointError: if it diverges
    """
    th.set_num_threads(1)
    model, predictor = build(job.variant.algo, job.variant.hyperparams, job.seed)
    diagnostics = Diagnostics()
    model.set_logger(Logger(None, [diagnostics]))
    measurement = Measurement(predictor, evaluations.curve, max(job.steps // POINTS, 1))
    episode_steps = job.variant.hyperparams.get("env_kwargs", {}).get("max_episode_steps", pendulum.EPISODE_STEPS)
    log_interval = max(job.steps // episode_steps // POINTS, 1)  # in episodes
    model.learn(job.steps, measurement, log_interval=log_interval)
    measurement.evaluate()
    final = evaluations.final.returns(predictor)
    regrets = evaluations.final.optimal_returns - final
    curves = diagnostics.curves()
    return {
        "curve": {name: _rounded(values) for name, values in measurement.curve.items()},
        "return": _digits(final.mean()),
        "regret": _digits(regrets.mean()),
        # The distribution over the starts: from the best to the worst in hundredths
        "regret_percentiles": _rounded(np.percentile(regrets, np.arange(101))),
        "training_returns": _rounded(measurement.training_returns),
        "late": _late(measurement.training_returns, curves.get("gradient_norm", [])),
        "diagnostics": curves,
        "train_seconds": _digits(measurement.curve["seconds"][-1]),
        "compile_seconds": _digits(diagnostics.compile_seconds),
    }


def _late(training_returns: list[float], gradient_norms: list[float | None]) -> dict[str, float | None]:
    """What one might choose settings by, over the last part of a training; None where nothing was logged."""
    episodes = training_returns[-max(round(LATE * len(training_returns)), 1) :]
    norms = [norm for norm in gradient_norms[-max(round(LATE * len(gradient_norms)), 1) :] if norm is not None]
    return {
        "gradient_norm": _digits(np.mean(norms)) if norms else None,
        "return_std": _digits(np.std(episodes)) if episodes else None,
        "return_mean": _digits(np.mean(episodes)) if episodes else None,
    }


def _digits(value: Any) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")


def _rounded(values: ArrayLike) -> list[float]:
    """Five significant digits are enough for a curve."""
    return [float(f"{value:.5g}") for value in np.asarray(values).tolist()]
