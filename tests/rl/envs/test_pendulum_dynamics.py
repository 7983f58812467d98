"""Pendulum as a function of states, against Gymnasium's env."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.pendulum import PendulumEnv
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ca2_rl.envs import pendulum


@pytest.fixture
def states():
    """Angles over several turns, speeds up to the limit: [500, 2]"""
    return np.random.default_rng(0).uniform([-10, -8], [10, 8], size=(500, 2))


def gymnasium_step(env, state, torque):
    env.state, env.last_u = state, None
    observation, reward, *_ = env.step(np.array([torque]))
    return env.state, reward, observation


@pytest.mark.parametrize("g", [10.0, 9.81, 1.62, 0.0, -10.0])
def test_step_and_observation_are_gymnasium_s(states, g):
    torques = np.random.default_rng(1).uniform(-3, 3, size=len(states))  # beyond +-2 too: both clip
    env = PendulumEnv(g=g)
    expected = [gymnasium_step(env, state, torque) for state, torque in zip(states, torques, strict=True)]
    next_states, rewards = pendulum.step(states, torques, g)
    np.testing.assert_allclose(next_states, [state for state, _, _ in expected], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(rewards, [reward for _, reward, _ in expected], rtol=1e-12, atol=1e-12)
    observations = pendulum.observe(next_states)
    np.testing.assert_allclose(observations, [observation for _, _, observation in expected], rtol=1e-6, atol=1e-6)
    assert all(env.observation_space.contains(observation) for observation in observations)


def test_constants_are_gymnasium_s():
    env = PendulumEnv()
    assert (env.g, env.max_speed, env.max_torque, env.dt) == (pendulum.GRAVITY, pendulum.MAX_SPEED, pendulum.MAX_TORQUE, pendulum.DT)


def test_an_episode_has_as_many_steps_as_gymnasium_s():
    assert gym.spec("Pendulum-v1").max_episode_steps == pendulum.EPISODE_STEPS


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_any_leading_shape_is_a_batch(shape):
    states = np.random.default_rng(0).uniform(-3, 3, size=(*shape, 2))
    torques = np.random.default_rng(1).uniform(-2, 2, size=shape)
    next_states, rewards = pendulum.step(states, torques)
    assert next_states.shape == (*shape, 2)
    assert np.shape(rewards) == shape
    assert pendulum.observe(states).shape == (*shape, 3)
    one_by_one = [pendulum.step(s, u)[0] for s, u in zip(states.reshape(-1, 2), torques.ravel(), strict=True)]
    np.testing.assert_array_equal(next_states.reshape(-1, 2), one_by_one)


def test_step_leaves_its_arguments_alone(states):
    kept, torques = states.copy(), np.full(len(states), 5.0)
    pendulum.step(states, torques)
    assert np.array_equal(states, kept)
    assert (torques == 5.0).all()


@given(st.floats(-1000, 1000))
def test_wrapped_angle_is_the_same_angle_between_minus_pi_and_pi(theta):
    wrapped = pendulum.wrap_angle(np.float64(theta))
    assert -np.pi <= wrapped <= np.pi  # the upper end only by rounding
    assert np.cos(wrapped) == pytest.approx(np.cos(theta), abs=1e-9)
    assert np.sin(wrapped) == pytest.approx(np.sin(theta), abs=1e-9)


@given(st.floats(-20, 20), st.floats(-8, 8), st.floats(-5, 5))
def test_rewards_are_within_their_bounds(theta, speed, torque):
    _, reward = pendulum.step(np.array([theta, speed]), np.float64(torque))
    assert -(np.pi**2 + 0.1 * 8**2 + 0.001 * 2**2) <= reward <= 0


def test_observations_are_float32_as_the_env_s():
    assert pendulum.observe(np.zeros((3, 2))).dtype == PendulumEnv().observation_space.dtype


def test_starts_fill_the_range_of_gymnasium_s_reset():
    starts = pendulum.sample_starts(4000, seed=0)
    assert starts.shape == (4000, 2)
    limits = np.array([np.pi, 1.0])
    assert (abs(starts) <= limits).all()
    env = PendulumEnv()
    resets = np.array([env.reset(seed=i) and env.state for i in range(500)])
    for column in (0, 1):
        uniform = stats.uniform(-limits[column], 2 * limits[column]).cdf
        assert stats.kstest(starts[:, column], uniform).pvalue > 1e-4
        assert stats.kstest(resets[:, column], uniform).pvalue > 1e-4


def test_starts_depend_on_the_seed_alone():
    assert np.array_equal(pendulum.sample_starts(5, seed=1), pendulum.sample_starts(5, seed=1))
    assert not np.array_equal(pendulum.sample_starts(5, seed=1), pendulum.sample_starts(5, seed=2))
