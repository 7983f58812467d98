"""Looking at environments before anything is learned."""

import json

import gymnasium as gym
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from gymnasium import spaces

import ca2_rl.explore as module
from ca2_core.errors import UserError
from ca2_rl.envs import pendulum
from ca2_rl.explore import STATE_AXES, draw, explore, main, play, rewards_over_states, zero_action

CLASSIC = ["Pendulum-v1", "MountainCarContinuous-v0", "MountainCar-v0", "CartPole-v1", "Acrobot-v1"]


@pytest.fixture(autouse=True)
def _small_and_without_a_window(monkeypatch):
    monkeypatch.setattr(module, "REWARD_GRID", 9)
    mpl.use("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (spaces.Box(-2.0, 2.0, (1,)), [0.0]),
        (spaces.Box(np.array([1.0, -3.0], np.float32), np.array([4.0, -2.0], np.float32)), [1.0, -2.0]),
        (spaces.Box(-np.inf, np.inf, (2,)), [0.0, 0.0]),
        (spaces.Discrete(3), 0),
        (spaces.Discrete(3, start=4), 4),
    ],
    ids=str,
)
def test_zero_action_is_the_nearest_to_zero_in_the_space(space, expected):
    action = zero_action(space)
    np.testing.assert_array_equal(action, expected)
    assert space.contains(action)


@pytest.mark.parametrize("space", [spaces.MultiDiscrete([2, 2]), spaces.MultiBinary(3)], ids=str)
def test_other_spaces_have_no_zero_action(space):
    assert zero_action(space) is None


def test_return_of_the_zero_policy_is_that_of_the_free_pendulum():
    env = gym.make("Pendulum-v1")
    played = play(env, lambda: np.zeros(1, np.float32), range(3, 6), "zero")
    for i, total in enumerate(played.returns):
        env.reset(seed=3 + i)
        states, expected = env.unwrapped.state, 0.0
        for _ in range(200):
            states, reward = pendulum.step(states, np.float64(0))
            expected += reward
        assert total == pytest.approx(expected)
    assert played.lengths == [200] * 3


def test_episodes_end_where_the_env_ends_them():
    played = play(gym.make("CartPole-v1"), lambda: 0, range(5), "left")
    assert played.returns == played.lengths  # a reward of 1 a step
    assert max(played.lengths) < 15


class Endless(gym.Env):
    observation_space = spaces.Box(-1.0, 1.0, (40,))
    action_space = spaces.MultiBinary(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(40, np.float32), {}

    def step(self, action):
        return np.zeros(40, np.float32), 0.5, False, False, {}


def test_an_endless_env_is_left_after_a_thousand_steps():
    played = play(Endless(), lambda: np.zeros(2, np.int8), [0], "zero")
    assert (played.lengths, played.returns) == ([1000], [500.0])


def test_rewards_over_the_states_of_pendulum_are_its_closed_form():
    env = gym.make("Pendulum-v1")
    rewards = rewards_over_states(env, STATE_AXES["PendulumEnv"], np.zeros(1, np.float32))
    angles, speeds = np.linspace(-np.pi, np.pi, 9), np.linspace(-8, 8, 9)
    np.testing.assert_allclose(rewards, -(angles[None, :] ** 2) - 0.1 * speeds[:, None] ** 2, atol=1e-9)


def test_rewards_over_the_states_of_cartpole_are_missing_where_the_episode_ends():
    rewards = rewards_over_states(gym.make("CartPole-v1"), STATE_AXES["CartPoleEnv"], 0)
    positions, angles = np.linspace(-4.8, 4.8, 9), np.linspace(-0.42, 0.42, 9)
    # At rest neither moves in the first step
    ends = (abs(positions[None, :]) > 2.4) | (abs(angles[:, None]) > np.radians(12))
    np.testing.assert_array_equal(np.isnan(rewards), ends)
    assert (rewards[~ends] == 1).all()


@pytest.mark.parametrize("env_id", CLASSIC)
def test_exploration_of_classic_control_has_starts_plays_and_rewards(env_id):
    exploration = explore(gym.make(env_id), episodes=2, seed=4)
    env = gym.make(env_id)
    np.testing.assert_array_equal(exploration.starts, [env.reset(seed=4 + i)[0] for i in range(2)])
    assert set(exploration.plays) == {"random", "zero"}
    assert all(len(played.returns) == len(played.lengths) == 2 for played in exploration.plays.values())
    assert exploration.rewards.shape == (9, 9)
    assert len(draw(exploration).axes) >= 3


def test_every_env_with_drawn_rewards_is_among_gymnasium_s():
    assert {type(gym.make(env_id).unwrapped).__name__ for env_id in CLASSIC} == set(STATE_AXES)


def test_the_seed_fixes_the_exploration():
    first, again, other = (explore(gym.make("CartPole-v1"), 5, seed).plays["random"].returns for seed in (0, 0, 50))
    assert first == again
    assert first != other


def test_an_env_of_many_components_and_other_actions_is_explored_too():
    env = Endless()
    env.spec = gym.envs.registration.EnvSpec("Endless-v0", max_episode_steps=5)
    exploration = explore(env, episodes=3)
    assert set(exploration.plays) == {"random"}
    assert exploration.rewards is None
    assert len(draw(exploration).axes) == 1


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1"])
def test_command_writes_a_picture_and_strict_json(env_id, tmp_path, capsys):
    main(["--env", env_id, "--episodes", "3", "--out", str(tmp_path / "out")])
    assert (tmp_path / "out" / "explore.png").read_bytes().startswith(b"\x89PNG")
    # CartPole's velocities have no bounds, and Infinity is no JSON
    content = json.loads((tmp_path / "out" / "explore.json").read_text(), parse_constant=pytest.fail)
    assert {record["policy"] for record in content["returns"]} == {"random", "zero"}
    assert all(record["episodes"] == 3 for record in content["returns"])
    assert content["spaces"][0]["component"] == "obs[0]"
    assert "Return over 3 episodes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--env", "Pendulum-v1", "--episodes", "0"], "--episodes: at least 1"),
        (["--env", "Pendulm-v1"], "Did you mean 'Pendulum-v1'"),
        ([], "--env"),
    ],
)
def test_wrong_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(UserError, match=message):
        main(arguments)
