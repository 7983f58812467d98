"""The quick pendulums against Gymnasium's in SB3's ``DummyVecEnv``."""

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import TransformReward
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv

from ca2_rl.envs import pendulum
from ca2_rl.envs.pendulum_vec_env import PendulumVecEnv


def both(n_envs=3, env="Pendulum-v1", **kwargs):
    """Quick and usual envs with the same seeds, after the first reset."""
    envs = [make_vec_env(env, n_envs, seed=5, vec_env_cls=kind, **kwargs) for kind in (PendulumVecEnv, DummyVecEnv)]
    for observations in zip(*(each.reset() for each in envs), strict=True):
        np.testing.assert_array_equal(*observations)
    return envs


def play(envs, n_steps, seed=0):
    """The same random torques, some beyond the limits, for both; asserts that they answer the same."""
    rng = np.random.default_rng(seed)
    for _ in range(n_steps):
        torques = rng.uniform(-2.5, 2.5, size=(envs[0].num_envs, 1)).astype(np.float32)
        (obs, rewards, dones, infos), (obs_, rewards_, dones_, infos_) = (each.step(torques.copy()) for each in envs)
        np.testing.assert_allclose(obs, obs_, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(rewards, rewards_, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(dones, dones_)
        assert (obs.dtype, rewards.dtype, dones.dtype) == (obs_.dtype, rewards_.dtype, dones_.dtype)
        for info, info_ in zip(infos, infos_, strict=True):
            assert info.keys() == info_.keys()
            assert info["TimeLimit.truncated"] == info_["TimeLimit.truncated"]
            if "terminal_observation" in info:
                np.testing.assert_allclose(info["terminal_observation"], info_["terminal_observation"], rtol=1e-4, atol=1e-4)
                assert info["episode"]["l"] == info_["episode"]["l"]
                assert info["episode"]["r"] == pytest.approx(info_["episode"]["r"], abs=1e-2)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("env_kwargs", [{}, {"g": 9.81}, {"max_episode_steps": 50}])
def test_episodes_are_gymnasium_s(n_envs, env_kwargs, monkeypatch):
    quick_steps = []
    name = "step_one" if n_envs == 1 else "step"
    step = getattr(pendulum, name)
    monkeypatch.setattr(pendulum, name, lambda *args: quick_steps.append(1) or step(*args))
    play(both(n_envs, env_kwargs=env_kwargs), 450)
    assert len(quick_steps) == 450 - 450 // env_kwargs.get("max_episode_steps", 200)  # all but the last of each episode


@pytest.mark.parametrize("after", [1, 120, 200])
def test_a_reset_starts_a_new_episode_as_gymnasium_s_does(after):
    envs = both()
    play(envs, after)
    np.testing.assert_array_equal(*(each.reset() for each in envs))
    play(envs, 210)


def test_envs_may_end_at_different_steps():
    envs = [kind([lambda n=n: gym.make("Pendulum-v1", max_episode_steps=n) for n in (7, 11)]) for kind in (PendulumVecEnv, DummyVecEnv)]
    for each in envs:
        each.seed(3)
        each.reset()
    rng = np.random.default_rng(0)
    for _ in range(60):
        torques = rng.uniform(-2, 2, size=(2, 1)).astype(np.float32)
        (obs, _, dones, _), (obs_, _, dones_, _) = (each.step(torques) for each in envs)
        np.testing.assert_allclose(obs, obs_, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(dones, dones_)


def test_monitor_files_are_sb3_s(tmp_path):
    envs = []
    for name, kind in (("quick", PendulumVecEnv), ("usual", DummyVecEnv)):
        envs.append(make_vec_env("Pendulum-v1", 2, seed=5, monitor_dir=str(tmp_path / name), vec_env_cls=kind))
        envs[-1].reset()
    play(envs, 410)
    for each in envs:
        each.close()
    for i in (0, 1):
        quick, usual = ((tmp_path / name / f"{i}.monitor.csv").read_text().splitlines() for name in ("quick", "usual"))
        assert json.loads(quick[0][1:]).keys() == json.loads(usual[0][1:]).keys()
        assert quick[1] == usual[1] == "r,l,t"
        assert len(quick) == len(usual) == 4
        for row, row_ in zip(quick[2:], usual[2:], strict=True):
            r, length, _ = row.split(",")
            r_, length_, _ = row_.split(",")
            assert length == length_ == "200"
            assert float(r) == pytest.approx(float(r_), abs=1e-2)


def test_pictures_show_the_present_state():
    envs = both(2, env_kwargs={"render_mode": "rgb_array"})
    play(envs, 30)
    for one, other in zip(*(each.get_images() for each in envs), strict=True):
        assert one.shape == other.shape
        assert (abs(one.astype(int) - other) > 8).mean() < 1e-3
    play(envs, 30, seed=1)


def test_looking_into_the_envs_shows_the_present_state_and_changes_count():
    envs = both()
    play(envs, 50)
    for state, state_ in zip(*(each.get_attr("state") for each in envs), strict=True):
        np.testing.assert_allclose(state, state_, rtol=1e-4, atol=1e-4)
    assert envs[0].env_method("get_total_steps") == envs[1].env_method("get_total_steps") == [50] * 3
    for each in envs:
        for i in range(3):
            each.envs[i].unwrapped.g = 3.0
    play(envs, 170, seed=1)


@pytest.mark.parametrize("n_envs", [1, 2])
def test_any_other_env_is_stepped_as_it_is(n_envs):
    envs = both(n_envs, env="CartPole-v1")
    for _ in range(60):
        (obs, *_), (obs_, *_) = (each.step(np.ones(n_envs, dtype=int)) for each in envs)
        np.testing.assert_array_equal(obs, obs_)


def test_a_wrapper_that_changes_something_is_honoured():
    envs = both(2, wrapper_class=lambda env: TransformReward(env, lambda reward: reward + 100))
    play(envs, 20)
    assert (envs[0].step(np.zeros((2, 1), np.float32))[1] > 50).all()
