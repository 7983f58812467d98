"""A training that is stopped and gone on with ends in the numbers of one that never stopped, bit for bit."""

import hashlib
from copy import deepcopy
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from gymnasium import spaces
from sb3_contrib import QRDQN, TQC
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.envs import BitFlippingEnv
from stable_baselines3.common.noise import NormalActionNoise, OrnsteinUhlenbeckActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize
from stable_baselines3.her import HerReplayBuffer

from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN
from ca2_rl.envs.classic_control_vec_env import ClassicControlVecEnv
from ca2_rl.state import SaveStates, load_state, register_env_state, restore_state, save_state
from ca2_rl.state.callback import newest_state

PENDULUM, CARTPOLE, ACROBOT, CAR = "Pendulum-v1", "CartPole-v1", "Acrobot-v1", "MountainCarContinuous-v0"
STEPS = 300


class AsDict(gym.ObservationWrapper):
    """Observations as a dict of two parts."""

    def __init__(self, env):
        super().__init__(env)
        low, high = env.observation_space.low, env.observation_space.high
        self.observation_space = spaces.Dict({"first": spaces.Box(low[:2], high[:2]), "rest": spaces.Box(low[2:], high[2:])})

    def observation(self, observation):
        return {"first": observation[:2], "rest": observation[2:]}


def bits():
    return BitFlippingEnv(n_bits=3, continuous=False, max_steps=5)


register_env_state(AsDict)
register_env_state(BitFlippingEnv, "state", "desired_goal", "current_step", "_obs_space")
CHUNK = {"learning_starts": 50, "policy_kwargs": {"net_arch": [8]}, "batch_size": 16, "buffer_size": 400}
OURS = CHUNK | {"train_freq": 1, "compile": False}
SDE = {"use_sde": True, "sde_sample_freq": 5}
ONE = np.ones(1)
CASES = {
    "discretized": (DiscretizedDQN, PENDULUM, OURS, {}),
    "discretized-n-step-hold": (DiscretizedDQN, CARTPOLE, OURS | {"n_steps": 3, "exploration_hold": 4}, {"n_envs": 2}),
    "discretized-double-memory": (
        DiscretizedDQN,
        ACROBOT,
        OURS | {"double_q": True, "optimize_memory_usage": True, "replay_buffer_kwargs": {"handle_timeout_termination": False}},
        {},
    ),
    "discretized-full-buffer": (DiscretizedDQN, CARTPOLE, OURS | {"buffer_size": 100, "tau": 0.01, "target_update_interval": 1}, {}),
    "discretized-dict": (DiscretizedDQN, CARTPOLE, OURS | {"policy": "MultiInputPolicy"}, {"wrapper_class": AsDict}),
    "discretized-her": (DiscretizedDQN, bits, OURS | {"policy": "MultiInputPolicy", "replay_buffer_class": HerReplayBuffer}, {}),
    "noisy-stack": (NoisyDQN, PENDULUM, OURS, {"wrap": partial(VecFrameStack, n_stack=2)}),
    "noisy-normalize": (NoisyDQN, CARTPOLE, OURS | {"gradient_steps": 2}, {"wrap": VecNormalize, "n_envs": 2}),
    "noisy-before-learning": (NoisyDQN, ACROBOT, OURS | {"learning_starts": 200, "n_steps": 3}, {}),
    "ou-n-step": (OUDDPG, PENDULUM, OURS | {"n_steps": 3, "target_policy_noise": 0.2}, {}),
    "ou-several": (OUDDPG, CAR, OURS, {"n_envs": 3}),
    "ou-episodes": (OUDDPG, PENDULUM, OURS | {"train_freq": (1, "episode"), "gradient_steps": 10}, {}),
    "dqn": (DQN, CARTPOLE, CHUNK, {}),
    "dqn-her": (DQN, bits, CHUNK | {"policy": "MultiInputPolicy", "replay_buffer_class": HerReplayBuffer}, {}),
    "dqn-stack": (
        DQN,
        ACROBOT,
        CHUNK | {"optimize_memory_usage": True, "replay_buffer_kwargs": {"handle_timeout_termination": False}},
        {"wrap": partial(VecFrameStack, n_stack=2)},
    ),
    "ddpg-normal": (DDPG, PENDULUM, CHUNK | {"action_noise": NormalActionNoise(0 * ONE, 0.1 * ONE)}, {}),
    "ddpg-ou": (DDPG, CAR, CHUNK | {"action_noise": OrnsteinUhlenbeckActionNoise(0 * ONE, 0.1 * ONE)}, {"n_envs": 2}),
    "td3-episodes": (TD3, PENDULUM, CHUNK | {"train_freq": (1, "episode"), "gradient_steps": 20}, {}),
    "td3": (TD3, CAR, CHUNK | {"n_steps": 3}, {}),
    "sac": (SAC, PENDULUM, CHUNK | {"train_freq": 2}, {"wrap": VecNormalize}),
    "sac-sde": (SAC, CAR, CHUNK | SDE | {"train_freq": 8}, {}),
    "qrdqn": (QRDQN, CARTPOLE, CHUNK, {}),
    "qrdqn-envs": (QRDQN, ACROBOT, CHUNK, {"n_envs": 2}),
    "tqc": (TQC, PENDULUM, CHUNK | {"train_freq": 4}, {}),
    "tqc-sde": (TQC, CAR, CHUNK | SDE | {"train_freq": 8}, {}),
    "ppo": (PPO, ACROBOT, {"n_steps": 32, "batch_size": 16, "n_epochs": 2}, {"n_envs": 2}),
    "a2c-sde": (A2C, PENDULUM, {"use_sde": True}, {}),
}
COMPILED = {
    "discretized": (DiscretizedDQN, CARTPOLE, OURS | {"compile": True, "tau": 0.01, "target_update_interval": 1}, {}),
    "noisy": (NoisyDQN, PENDULUM, OURS | {"compile": True, "double_q": True, "n_steps": 3}, {}),
    "ou": (OUDDPG, PENDULUM, OURS | {"compile": True, "target_policy_noise": 0.2}, {}),
}


def make_env(env, wrap=None, seed=None, vec_env_cls=ClassicControlVecEnv, **options):
    venv = make_vec_env(env, seed=seed, vec_env_cls=vec_env_cls, **options)
    return wrap(venv) if wrap else venv


def make(case):
    algorithm, env, settings, env_options = deepcopy(case)  # SB3 adds to policy_kwargs
    return algorithm(**{"policy": "MlpPolicy", "seed": 3} | settings, env=make_env(env, **env_options))


class InterruptAt(BaseCallback):
    def __init__(self, step, states):
        super().__init__()
        self.step, self.states = step, states

    def _on_step(self):
        if self.num_timesteps >= self.step:
            self.states.interrupt()
        return True


def callbacks(case, folder):
    _, env, _, env_options = case
    options = {name: value for name, value in env_options.items() if name != "n_envs"}
    evaluation = EvalCallback(make_env(env, seed=5, **options), eval_freq=60, n_eval_episodes=1, verbose=0, warn=False)
    return SaveStates(folder, minutes=1e9), evaluation


def numbers(model, evaluation=None):
    """All that was learned, seen and evaluated."""
    digests = {}

    def add(name, value):
        if isinstance(value, dict):
            for key, item in value.items():
                add(f"{name}.{key}", item)
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                add(f"{name}.{i}", item)
        elif isinstance(value, (th.Tensor, np.ndarray)):
            array = np.asarray(value.detach() if isinstance(value, th.Tensor) else value)
            if not array.dtype.hasobject:
                digests[name] = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:12]
        else:
            digests[name] = repr(value)

    add("parameters", model.get_parameters())
    add("steps", model.num_timesteps)
    add("episodes", [(episode["r"], episode["l"]) for episode in model.ep_info_buffer])
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        rows = buffer.buffer_size if buffer.full else buffer.pos
        add("pos", buffer.pos)
        for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
            value = getattr(buffer, name, None)
            add(name, {key: part[:rows] for key, part in (value if isinstance(value, dict) else {"": value}).items() if part is not None})
    if evaluation is not None:
        add(
            "evaluations",
            [evaluation.evaluations_timesteps, evaluation.evaluations_results] if evaluation.log_path else evaluation.last_mean_reward,
        )
        add("n_calls", evaluation.n_calls)
    return digests


def disturb():
    """Other global generators, as in a new process."""
    np.random.seed(99)
    th.manual_seed(99)


def stopped_and_resumed(case, folder, at, steps=STEPS):
    """The numbers after an interruption, and the step at which the state was taken."""
    states, evaluation = callbacks(case, folder)
    model = make(case)
    with pytest.raises(KeyboardInterrupt):
        model.learn(steps, callback=[states, evaluation, InterruptAt(at, states)])
    stopped_at = model.num_timesteps
    disturb()
    states, evaluation = callbacks(case, folder)
    model = make(case)
    states.resume(model, newest_state(folder))
    assert model.num_timesteps == stopped_at >= at
    model.learn(steps - stopped_at, callback=[states, evaluation], reset_num_timesteps=False)
    return numbers(model, evaluation), stopped_at


def check(case, folder, at=137):
    states, evaluation = callbacks(case, folder / "whole")
    model = make(case)
    model.learn(STEPS, callback=[states, evaluation])
    resumed, _ = stopped_and_resumed(case, folder / "resumed", at)
    assert resumed == numbers(model, evaluation)


@pytest.mark.parametrize("name", CASES)
def test_a_resumed_training_is_the_uninterrupted_one(name, tmp_path):
    check(CASES[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_a_compiled_training_too(name, tmp_path):
    check(COMPILED[name], tmp_path)


@pytest.mark.parametrize("at", [1, 51, 200, 298])
def test_every_moment_will_do(at, tmp_path):
    check(CASES["noisy-stack"], tmp_path, at)


@pytest.mark.parametrize(
    "name", ["discretized-n-step-hold", "noisy-normalize", "ou-several", "discretized-her", "dqn", "td3", "sac-sde", "tqc", "ppo"]
)
def test_save_state_and_load_state_between_two_calls_of_learn(name, tmp_path):
    case = CASES[name]
    model = make(case).learn(128)
    save_state(model, tmp_path / "state")
    model.learn(130, reset_num_timesteps=False)
    disturb()
    loaded = load_state(case[0], tmp_path / "state", make_env(case[1], **case[3]))
    loaded.learn(130, reset_num_timesteps=False)
    assert numbers(loaded) == numbers(model)
    disturb()
    restored = restore_state(make(case), tmp_path / "state").learn(130, reset_num_timesteps=False)
    assert numbers(restored) == numbers(model)


def test_our_algorithms_have_both_as_methods(tmp_path):
    model = make(CASES["ou-n-step"]).learn(128)
    model.save_state(tmp_path / "state")
    model.learn(50, reset_num_timesteps=False)
    loaded = OUDDPG.load_state(tmp_path / "state", make_env(PENDULUM))
    assert numbers(loaded.learn(50, reset_num_timesteps=False)) == numbers(model)


def test_vectorised_envs_of_sb3_are_saved_too(tmp_path):
    check((DQN, "MountainCar-v0", CHUNK, {"vec_env_cls": DummyVecEnv}), tmp_path)
