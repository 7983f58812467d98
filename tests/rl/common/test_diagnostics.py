"""What the algorithms log of their updates, and the callback that logs the same for SB3's own."""

import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.noise import NormalActionNoise

from ca2_rl import OUDDPG, DiscretizedDQN
from ca2_rl.common.diagnostics import GRADIENT_NORM, MEAN_Q, RETURN, Averages, DiagnosticsCallback, find_diagnostics, finished_returns

LOSSES = ("train/loss", "train/critic_loss")
NAMES = {"gradient_norm", "loss", "mean_q", "return"}
DQN_SETTINGS = {"learning_starts": 40, "batch_size": 16, "target_update_interval": 60, "learning_rate": 1e-2, "max_grad_norm": 0.1}
DDPG_SETTINGS = {"learning_starts": 40, "batch_size": 16}


class Dumps(KVWriter):
    """Keeps the diagnostics of every dump."""

    def __init__(self):
        self.rows = []

    def write(self, key_values, key_excluded, step=0):
        ours = {key: value for key, value in key_values.items() if key in (GRADIENT_NORM, MEAN_Q, RETURN, *LOSSES)}
        self.rows.append(find_diagnostics(ours))

    def close(self):
        pass


def learn(model, steps, callback=None, log_interval=2):
    dumps = Dumps()
    model.set_logger(Logger(folder=None, output_formats=[dumps]))
    model.learn(steps, callback, log_interval=log_interval)
    return dumps.rows


def create(algorithm, env, **kwargs):
    return algorithm("MlpPolicy", env, **{"seed": 0, "buffer_size": 1000, "policy_kwargs": {"net_arch": [16]}, "device": "cpu"} | kwargs)


def pendulum():
    return gym.make("Pendulum-v1", max_episode_steps=20)


def assert_same(rows, expected):
    assert len(rows) == len(expected) > 2
    for row, other in zip(rows, expected, strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("schedule", [{}, {"train_freq": 1}, {"train_freq": 3, "gradient_steps": 2}], ids=str)
def test_callback_on_sb3_s_dqn_logs_what_discretized_dqn_logs(schedule):
    settings = DQN_SETTINGS | schedule
    expected = learn(create(DiscretizedDQN, "CartPole-v1", replay_buffer_class=ReplayBuffer, **settings), 300)
    assert_same(learn(create(DQN, "CartPole-v1", **settings), 300, DiagnosticsCallback()), expected)
    assert set(expected[-1]) == NAMES


@pytest.mark.parametrize("n_critics", [1, 2])
def test_callback_on_sb3_s_ddpg_logs_what_ou_ddpg_logs_without_noise(n_critics):
    settings = DDPG_SETTINGS | {"policy_kwargs": {"net_arch": [16], "n_critics": n_critics}}
    expected = learn(create(OUDDPG, pendulum(), ou_sigma=0.0, replay_buffer_class=ReplayBuffer, **settings), 160)
    silence = NormalActionNoise(np.zeros(1), np.zeros(1))
    assert_same(learn(create(DDPG, pendulum(), action_noise=silence, **settings), 160, DiagnosticsCallback()), expected)
    assert set(expected[-1]) == NAMES


@pytest.mark.parametrize("algorithm", [DDPG, TD3, SAC])
@pytest.mark.parametrize("n_envs", [1, 2])
def test_callback_logs_finite_numbers_for_every_actor_critic(algorithm, n_envs):
    model = create(algorithm, make_vec_env(pendulum, n_envs), **DDPG_SETTINGS)
    rows = learn(model, 120 * n_envs, DiagnosticsCallback())
    assert set(rows[-1]) == NAMES
    assert all(math.isfinite(value) for row in rows for value in row.values())


def test_callback_refuses_an_algorithm_without_q_network():
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=16, batch_size=16, device="cpu")
    with pytest.raises(TypeError, match="PPO has no Q-network"):
        model.learn(16, DiagnosticsCallback())


@pytest.mark.parametrize(("algorithm", "env"), [(DQN, "CartPole-v1"), (TD3, "Pendulum-v1")])
def test_callback_leaves_nothing_behind(algorithm, env):
    """No hook logs on in a later training, and a second callback counts nothing twice."""
    model = create(algorithm, env, learning_starts=10, batch_size=8)
    learn(model, 30, DiagnosticsCallback())
    assert not any(row.keys() & {"gradient_norm", "mean_q"} for row in learn(model, 450, log_interval=1))
    network = model.q_net if algorithm is DQN else model.critic
    assert not network._forward_hooks
    assert not any(parameter._post_accumulate_grad_hooks for parameter in network.parameters())


def test_callback_does_not_change_the_training():
    plain, watched = (create(DQN, "CartPole-v1", **DQN_SETTINGS).learn(200, callback) for callback in (None, DiagnosticsCallback()))
    for one, other in zip(plain.policy.parameters(), watched.policy.parameters(), strict=True):
        assert torch.equal(one, other)


class Episodes(BaseCallback):
    def __init__(self):
        super().__init__()
        self.returns = []

    def _on_step(self):
        self.returns += finished_returns(self.locals["infos"])
        return True


@pytest.mark.parametrize("n_envs", [1, 2])
def test_return_is_the_mean_of_the_episodes_since_the_last_dump(n_envs):
    model = create(DiscretizedDQN, make_vec_env(pendulum, n_envs), n_bins=3, gradient_steps=0)
    episodes = Episodes()
    rows = learn(model, 160 * n_envs, episodes, log_interval=2)
    # A dump follows every second episode; envs that end together end within one step
    batches = np.reshape(episodes.returns, (len(rows), -1))
    if n_envs == 1:
        np.testing.assert_allclose([row["return"] for row in rows], batches.mean(axis=1))
    else:
        np.testing.assert_allclose(np.mean([row["return"] for row in rows]), np.mean(episodes.returns))


def test_gradient_norm_is_measured_before_clipping():
    rows = learn(create(DiscretizedDQN, pendulum(), n_bins=3, **DQN_SETTINGS), 160)
    assert rows[-1]["gradient_norm"] > DQN_SETTINGS["max_grad_norm"]


def test_logs_of_version_0_1_0_are_read():
    old = {
        "diagnostics/loss": 1.0,
        "diagnostics/gradient_norm": 2.0,
        "diagnostics/mean_q": 3.0,
        "diagnostics/return": 4.0,
        "train/actor_loss": 5.0,
    }
    assert find_diagnostics(old) == {"loss": 1.0, "gradient_norm": 2.0, "mean_q": 3.0, "return": 4.0}
    new = {"train/critic_loss": 1.0, GRADIENT_NORM: 2.0, MEAN_Q: 3.0, RETURN: 4.0, "rollout/ep_rew_mean": 5.0, "train/sigma_0": 6.0}
    assert find_diagnostics(new) == {"loss": 1.0, "gradient_norm": 2.0, "mean_q": 3.0, "return": 4.0, "sigma_0": 6.0}


class TestAverages:
    def test_means_are_over_what_was_added_since_the_last_pop(self):
        averages = Averages()
        for value in (1.0, 2.0, 6.0):
            averages.add("a", torch.tensor(value))
        averages.add("b", 5.0)
        assert averages.pop() == {"a": 3.0, "b": 5.0}
        assert averages.pop() == {}
        averages.add("a", 7)
        assert averages.pop() == {"a": 7.0}

    def test_means_are_plain_floats(self):
        averages = Averages()
        averages.add("a", torch.tensor(1.5))
        assert type(averages.pop()["a"]) is float

    def test_what_was_added_is_not_changed(self):
        averages, value = Averages(), torch.tensor(1.0)
        averages.add("a", value)
        averages.add("a", torch.tensor(2.0))
        assert value == 1.0
