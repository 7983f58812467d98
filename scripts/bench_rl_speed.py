"""Environment steps per second of training, against SB3's DQN and DDPG with the same hyperparameters.

All agents of a comparison live in one process with one thread and train by turns, a slice of steps each; a ratio is
that of two neighbouring slices, so that what else the machine does hits both. Time is the CPU time of the process.
Compiling and the first steps are left out. SBX is measured if it is installed. With ``--images``, compiled agents against the
same ones run eagerly, on two games.
"""

import cProfile
import json
import os
import pstats
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import gymnasium as gym
import numpy as np
import torch as th
from publishing import DOCS, origin, parser, save, spread
from stable_baselines3 import DDPG, DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.env_util import make_atari_env, make_vec_env
from stable_baselines3.common.noise import OrnsteinUhlenbeckActionNoise
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack
from torch import nn
from torch.nn import functional as F

from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN, Rainbow
from ca2_rl.common.minatar_cnn import MinAtarCNN
from ca2_rl.envs.classic_control_vec_env import ClassicControlVecEnv
from ca2_rl.envs.end_point_actions import EndPointActions

PACKAGES = ("stable-baselines3", "rl-zoo3", "gymnasium", "torch", "numpy", *(("sbx-rl", "jax") if find_spec("sbx") else ()))
N_BINS = 11
SEED = 0
WARM_UP = 150
COMMON: dict[str, Any] = {
    "seed": SEED,
    "buffer_size": 20_000,
    "learning_starts": 100,
    "learning_rate": 1e-3,
    "gamma": 0.98,
    "device": "cpu",
}
# By name: the class and what it has beyond the settings of all
Variants = dict[str, tuple[Any, dict[str, Any]]]
OURS: dict[str, tuple[Any, ...]] = {"dqn": (DiscretizedDQN, NoisyDQN), "ddpg": (OUDDPG,)}
PARTS_OF_RAINBOW: Variants = {
    "DQN": (DiscretizedDQN, {}),
    "prioritised": (DiscretizedDQN, {"prioritized_replay": True}),
    "quantiles": (DiscretizedDQN, {"distribution": "quantile"}),
    "10 quantiles": (DiscretizedDQN, {"distribution": "quantile", "n_quantiles": 10}),
    "prioritised, 10 quantiles": (DiscretizedDQN, {"prioritized_replay": True, "distribution": "quantile", "n_quantiles": 10}),
    "Rainbow, 10 quantiles": (Rainbow, {"n_quantiles": 10}),
    "Rainbow": (Rainbow, {}),
}

Learn = Callable[[int], Any]
"""Trains for so many environment steps more."""


# Pendulum with a Discrete space, for the peers' DQN
WRAPPED: dict[str, Any] = {"wrapper_class": EndPointActions, "wrapper_kwargs": {"n_bins": N_BINS}}


class PlainDQN:
    """A DQN loop as CleanRL writes them: one file of plain PyTorch, SB3's replay buffer, Gymnasium's env."""

    def __init__(self, width: int, batch_size: int):
        self.env = EndPointActions(gym.make("Pendulum-v1"), N_BINS)
        self.online, self.target = (
            nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, N_BINS)) for _ in range(2)
        )
        self.optimizer = th.optim.Adam(self.online.parameters(), lr=1e-3)
        spaces = self.env.observation_space, self.env.action_space
        self.buffer = ReplayBuffer(20_000, *spaces, device="cpu", handle_timeout_termination=False)
        self.batch_size = batch_size
        self.observation, _ = self.env.reset(seed=SEED)

    def learn(self, steps: int) -> None:
        for _ in range(steps):
            if np.random.rand() < 0.05:
                action = self.env.action_space.sample()
            else:
                action = self.online(th.as_tensor(self.observation)).argmax().item()
            following, reward, terminated, truncated, info = self.env.step(action)
            self.buffer.add(self.observation, following, np.array([action]), np.array([reward]), np.array([terminated]), [info])
            self.observation = self.env.reset()[0] if terminated or truncated else following
            if self.buffer.size() > 100:
                self.update()

    def update(self) -> None:
        batch = self.buffer.sample(self.batch_size)
        with th.no_grad():
            best = self.target(batch.next_observations).amax(dim=1, keepdim=True)
            targets = batch.rewards + 0.98 * best * (1 - batch.dones)
        loss = F.mse_loss(self.online(batch.observations).gather(1, batch.actions), targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        for target, online in zip(self.target.parameters(), self.online.parameters(), strict=True):
            target.data.copy_(0.01 * online.data + 0.99 * target.data)


def variants(family: str) -> Variants:
    """Our agents of a comparison."""
    if family == "rainbow":
        return {name: (algorithm, {"compile": True, **options}) for name, (algorithm, options) in PARTS_OF_RAINBOW.items()}
    named = [(algorithm, compiled) for algorithm in OURS[family] for compiled in (True, False)]
    return {f"{algorithm.__name__}{'' if compiled else ', eager'}": (algorithm, {"compile": compiled}) for algorithm, compiled in named}


def agents(family: str, width: int, batch_size: int, n_envs: int) -> dict[str, Learn]:
    """The agents of one comparison by name, SB3's first, warmed up."""
    settings = {**COMMON, "batch_size": batch_size, "tau": 0.01, "policy_kwargs": {"net_arch": [width, width]}}
    is_dqn = family != "ddpg"
    make_env = partial(make_vec_env, "Pendulum-v1", n_envs)
    made: dict[str, Any] = {}
    if is_dqn:
        settings |= {"train_freq": 1, "target_update_interval": 1}
        made["SB3 DQN"] = DQN("MlpPolicy", make_env(**WRAPPED), **settings)
    else:
        noise = OrnsteinUhlenbeckActionNoise(np.zeros(1), np.full(1, 0.2), dt=1.0)
        made["SB3 DDPG"] = DDPG("MlpPolicy", make_env(), action_noise=noise, **settings)
    for name, (algorithm, options) in variants(family).items():
        own = {"n_bins": N_BINS} if is_dqn else {}
        made[name] = algorithm("MlpPolicy", make_env(vec_env_cls=ClassicControlVecEnv), **settings, **own, **options)
    if find_spec("sbx") and family in OURS:
        import sbx  # noqa: PLC0415

        del settings["device"]
        made["SBX"] = sbx.DQN("MlpPolicy", make_env(**WRAPPED), **settings) if is_dqn else sbx.DDPG("MlpPolicy", make_env(), **settings)
    learn: dict[str, Learn] = {name: lambda n, model=model: model.learn(n, reset_num_timesteps=False) for name, model in made.items()}
    if family == "dqn" and n_envs == 1:
        learn["plain PyTorch"] = PlainDQN(width, batch_size).learn
    for each in learn.values():
        each(WARM_UP * n_envs)
    return learn


def seconds(function: Callable[[], Any]) -> float:
    begin = time.process_time()
    function()
    return time.process_time() - begin


def compare(family: str, width: int, batch_size: int, n_envs: int, rounds: int, steps: int) -> list[dict[str, Any]]:
    """Steps per second of every agent, and how many times SB3's they are.

    :param steps: calls of ``env.step`` in a slice
    """
    learn = agents(family, width, batch_size, n_envs)
    times = [{name: seconds(lambda: each(steps * n_envs)) for name, each in learn.items()} for _ in range(rounds)]  # noqa: B023
    baseline = next(iter(learn))
    floor = products(family, width, batch_size)
    rows = []
    for name in learn:
        ratios = [each[baseline] / each[name] for each in times]
        per_step = median(each[name] for each in times) / steps
        rows.append(
            {
                "family": family,
                "agent": name,
                "width": width,
                "batch_size": batch_size,
                "n_envs": n_envs,
                "steps_per_second": round(n_envs / per_step),
                "ratio": spread(ratios),
                "microseconds": {"update and env.step": per_step * 1e6, "matrix products alone": floor * 1e6},
            }
        )
    return rows


def compile_seconds() -> dict[str, dict[str, float]]:
    """Seconds by the clock that compiling takes at [64, 64], batch 64, by agent and by what is in the compiler's cache."""
    found = {}
    for algorithm in (DiscretizedDQN, NoisyDQN, OUDDPG):
        with (
            TemporaryDirectory() as cache,
            patch.dict(os.environ, TORCHINDUCTOR_CACHE_DIR=cache),
            ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes,  # one for each call
        ):
            (first, _), (later, again) = processes.map(compile_twice, [algorithm, algorithm])
        found[algorithm.__name__] = {"the first time": first, "in a later process": later, "again in the same process": again}
    return found


def compile_twice(algorithm: type[DiscretizedDQN | OUDDPG]) -> list[float]:
    """Seconds that compiling takes for two agents, one after the other."""
    th.set_num_threads(1)
    spent = []
    for seed in range(2):
        env = make_vec_env("Pendulum-v1", vec_env_cls=ClassicControlVecEnv)
        model = algorithm(
            "MlpPolicy", env, batch_size=64, policy_kwargs={"net_arch": [64, 64]}, learning_starts=100, seed=seed, compile=True
        )
        model.learn(110)
        spent.append(model.logger.name_to_value["time/compile_seconds"])
    return spent


def products(family: str, width: int, batch_size: int) -> float:
    """Seconds that the matrix products of one gradient step take torch, with nothing else around them."""
    x, h = th.randn(batch_size, 4), th.randn(batch_size, width)
    first, second, last = th.randn(width, 4), th.randn(width, width), th.randn(1 if family == "ddpg" else N_BINS, width)
    y = th.randn(batch_size, len(last))

    def forward() -> None:
        _ = x @ first.T, h @ second.T, h @ last.T

    def to_inputs() -> None:
        _ = y @ last, h @ second

    def to_weights() -> None:
        _ = y.T @ h, h.T @ h, h.T @ x

    # DQN: target and online, and back. DDPG: two targets, critic and back, actor through the critic and back
    dqn = [forward] * 2 + [to_inputs, to_weights]
    parts = [forward] * 5 + [to_inputs] * 3 + [to_weights] * 2 if family == "ddpg" else dqn
    with th.no_grad():
        return min(seconds(lambda: [part() for _ in range(50) for part in parts]) / 50 for _ in range(10))


# Label, file and function of the parts of a step in a profile; each includes what it calls
PARTS = (
    ("`train`", "", "train"),
    ("of it, the compiled program", "program.py", "__call__"),
    ("`collect_rollouts`", "", "collect_rollouts"),
    ("of it, choosing the action", "", "_sample_action"),
    ("of it, `env.step`", "base_vec_env.py", "step"),
    ("of it, `_on_step`: target network, exploration rate", "", "_on_step"),
    ("of it, storing the transition", "", "add"),
)
# Where functions of these names do something else
OTHERS = ("diagnostics.py", "module.py")


def profile(steps: int = 3000) -> dict[str, dict[str, float]]:
    """Microseconds of each part of a step of SB3's DQN and of DiscretizedDQN at [64, 64], batch 64: by agent and part.

    By cProfile, which slows calls of Python down.
    """
    learn = agents("dqn", 64, 64, 1)
    found: dict[str, dict[str, float]] = {}
    for name in ("SB3 DQN", "DiscretizedDQN"):
        watcher = cProfile.Profile(time.process_time)
        watcher.runcall(learn[name], steps)
        calls = [(Path(file).name, function, times[3]) for (file, _, function), times in pstats.Stats(watcher).stats.items()]
        found[name] = {}
        for part, file, function in PARTS:
            # The longest of the name: others are the base classes'
            spent = [spent for where, called, spent in calls if called == function and file in where and where not in OTHERS]
            found[name][part] = round(max(spent, default=0.0) / steps * 1e6, 1)
    return found


def pong() -> VecEnv:
    gym.register_envs(import_module("ale_py"))
    return VecFrameStack(make_atari_env("ALE/Pong-v5", seed=SEED), 4)


def breakout() -> VecEnv:
    import_module("minatar.gym").register_envs()
    return make_vec_env("MinAtar/Breakout-v1", seed=SEED)


# By game: its env, the policy, the policy's arguments, and env steps in a slice
GAMES: dict[str, tuple[Callable[[], VecEnv], str, dict[str, Any], int]] = {
    "ALE/Pong-v5": (pong, "CnnPolicy", {}, 50),
    "MinAtar/Breakout-v1": (breakout, "MlpPolicy", {"features_extractor_class": MinAtarCNN, "net_arch": []}, 300),
}


def compare_on_images(game: str, algorithm: type[DiscretizedDQN], rounds: int) -> dict[str, Any]:
    """Steps per second of an agent, compiled and run eagerly, and their ratio; a gradient step on 32 transitions at each."""
    make_env, policy, policy_kwargs, steps = GAMES[game]
    settings = {**COMMON, "buffer_size": 2000, "batch_size": 32, "train_freq": 1, "policy_kwargs": policy_kwargs}
    made = {way: algorithm(policy, make_env(), compile=way == "compiled", **settings) for way in ("compiled", "eager")}
    for model in made.values():
        model.learn(WARM_UP)
    times = [
        {way: seconds(lambda: model.learn(steps, reset_num_timesteps=False)) for way, model in made.items()}  # noqa: B023
        for _ in range(rounds)
    ]
    return {
        "game": game,
        "agent": algorithm.__name__,
        "steps_per_second": {way: round(steps / median(each[way] for each in times)) for way in made},
        "ratio": spread([each["eager"] / each["compiled"] for each in times]),
    }


def cases(is_quick: bool) -> list[tuple[str, int, int, int]]:
    """Family, width, batch size and number of envs of each comparison."""
    headline = [("dqn", 64, 64, 1), ("ddpg", 64, 128, 1), ("dqn", 256, 256, 1), ("ddpg", 256, 256, 1)]
    widths = [("dqn", width, 64, 1) for width in (32, 128, 256)]
    batches = [("dqn", 64, batch_size, 1) for batch_size in (32, 128, 256)]
    envs = [("dqn", 64, 64, n_envs) for n_envs in (4, 32)]
    return [*headline, ("rainbow", 64, 64, 1)] if is_quick else headline + widths + batches + envs


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--quick", action="store_true", help="few rounds, no growth, under five minutes; prints only")
    options.add_argument("--profile", action="store_true", help="print where the time of a step goes instead")
    options.add_argument("--images", action="store_true", help="measure what compiling gains on Pong and Breakout instead")
    options.add_argument("--json", type=Path, help="write here (default: docs/rl/speed.json or speed_images.json, with --quick nowhere)")
    arguments = options.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":  # NumPy reads it when it is loaded, JAX its own
        one_thread = {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | one_thread)
    th.set_num_threads(1)
    warnings.simplefilter("ignore")
    if arguments.profile:
        print(json.dumps(profile(), indent=1))
        return
    rounds, steps = 7 if arguments.quick else 9, 300
    path = arguments.json or (None if arguments.quick else DOCS / "rl" / ("speed_images.json" if arguments.images else "speed.json"))
    if arguments.images:
        rows = []
        for game in GAMES:
            for algorithm in (DiscretizedDQN, Rainbow):
                rows.append(compare_on_images(game, algorithm, rounds))
                print(json.dumps(rows[-1]), flush=True)
        if path:
            save(origin((*PACKAGES, "ale-py", "minatar"), threads=1) | {"seed": SEED, "rounds": rounds, "runs": rows}, path)
        return
    runs = []
    for case in cases(arguments.quick):
        for row in compare(*case, rounds=rounds, steps=max(steps * 64 // case[1], 100)):
            ratio = row["ratio"]
            print(
                f"[{row['width']}, {row['width']}], batch {row['batch_size']}, {row['n_envs']} env: {row['agent']:25}"
                f" {row['steps_per_second']:7,} steps/s, {ratio['median']:5.2f} times SB3's ({ratio['least']:.2f} to {ratio['most']:.2f})",
                flush=True,
            )
            runs.append(row)
    if path:
        measured = {"seed": SEED, "rounds": rounds, "runs": runs, "compile_seconds": compile_seconds(), "profile": profile()}
        save(origin(PACKAGES, threads=1) | measured, path)


if __name__ == "__main__":
    main()
