"""Quick envs of classic control against Gymnasium's in SB3's ``DummyVecEnv``: the same bits."""

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control import AcrobotEnv, CartPoleEnv
from gymnasium.wrappers import TransformReward
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv

from ca2_rl.envs import classic_control_vec_env
from ca2_rl.envs.classic_control_vec_env import ClassicControlVecEnv
from ca2_rl.state.envs import set_vec_env_state, vec_env_state

ENVS = ["Pendulum-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1"]
# Changed physics
KWARGS = {
    "Pendulum-v1": [{"g": 9.81}],
    "CartPole-v1": [{"sutton_barto_reward": True}],
    "MountainCar-v0": [{"goal_velocity": 0.02}],
    "MountainCarContinuous-v0": [{"goal_velocity": 0.02}],
    "Acrobot-v1": [],
}
every_env = pytest.mark.parametrize("env", ENVS)


def both(n_envs=3, env="Pendulum-v1", seed=5, **kwargs):
    """Quick and usual envs with the same seeds, after the first reset."""
    envs = [make_vec_env(env, n_envs, seed=seed, vec_env_cls=kind, **kwargs) for kind in (ClassicControlVecEnv, DummyVecEnv)]
    for observations in zip(*(each.reset() for each in envs), strict=True):
        np.testing.assert_array_equal(*observations)
    return envs


def actions(env, observations, rng, purpose=0.5):
    """Random actions, for Boxes some beyond the limits; with a probability each, one along the velocity instead, which reaches goals."""
    space = env.action_space
    along = np.sign(observations[:, 4 if observations.shape[1] == 6 else -1]).astype(int)
    if isinstance(space, gym.spaces.Box):
        random = rng.uniform(1.25 * space.low, 1.25 * space.high, (env.num_envs, *space.shape))
        return np.where(rng.random((env.num_envs, 1)) < purpose, along[:, None] * space.high, random).astype(np.float32)
    random = rng.integers(space.n, size=env.num_envs)
    return np.where(rng.random(env.num_envs) < purpose, (along + 1) * (space.n - 1) // 2, random)


def without_time(infos):
    return [info | {"episode": info["episode"] | {"t": 0}} if "episode" in info else info for info in infos]


def play(envs, n_steps, seed=0, purpose=0.5):
    """The same actions for both; asserts that they answer the same, and returns how many episodes ended."""
    rng, ended = np.random.default_rng(seed), 0
    observations = np.zeros((envs[0].num_envs, *envs[0].observation_space.shape))
    for _ in range(n_steps):
        chosen = actions(envs[0], observations, rng, purpose)
        (observations, *others, infos), (observations_, *others_, infos_) = (each.step(chosen.copy()) for each in envs)
        for one, other in zip((observations, *others), (observations_, *others_), strict=True):
            np.testing.assert_array_equal(one, other, strict=True)
        np.testing.assert_equal(without_time(infos), without_time(infos_))
        ended += others[1].sum()
    return ended


@pytest.fixture
def quick_steps(monkeypatch):
    """Counts those that Gymnasium's envs did not make, by whether they did."""
    counted, step = {True: 0, False: 0}, classic_control_vec_env._Episode.step

    def counting(episode, action):
        moved = step(episode, action)
        counted[moved is not None] += 1
        return moved

    monkeypatch.setattr(classic_control_vec_env._Episode, "step", counting)
    return counted


@every_env
@pytest.mark.parametrize("n_envs", [1, 3])
def test_all_but_the_last_steps_of_episodes_are_quick(env, n_envs, quick_steps):
    limit = {"max_episode_steps": 150}
    ended = play(both(n_envs, env, env_kwargs=limit), 450)
    assert ended >= 3 * n_envs
    assert quick_steps == {True: 450 * n_envs - ended, False: ended}


@every_env
@settings(max_examples=12, deadline=None)
@given(data=st.data(), n_envs=st.integers(1, 8), seed=st.integers(0, 2**31 - 10))
def test_episodes_are_gymnasium_s(env, n_envs, seed, data):
    limit = data.draw(st.sampled_from([{}, {"max_episode_steps": 1}, {"max_episode_steps": 40}]))
    kwargs = data.draw(st.sampled_from([{}, *KWARGS[env]]))
    play(both(n_envs, env, seed, env_kwargs=kwargs | limit), 250, seed, data.draw(st.sampled_from([0.0, 0.5, 0.95])))


@pytest.mark.parametrize(
    ("inner", "changes"),
    [
        (CartPoleEnv, {"kinematics_integrator": "semi-implicit", "force_mag": 5.0}),
        (AcrobotEnv, {"book_or_nips": "nips", "LINK_MASS_1": 1.3}),
        (AcrobotEnv, {"torque_noise_max": 0.5}),
    ],
    ids=str,
)
def test_changed_physics_are_honoured(inner, changes):
    envs = both(2, {CartPoleEnv: "CartPole-v1", AcrobotEnv: "Acrobot-v1"}[inner])
    for each in envs:
        for one in each.envs:
            for name, value in changes.items():
                setattr(one.unwrapped, name, value)
    play(envs, 200)


@every_env
@pytest.mark.parametrize("after", [1, 120, 200])
def test_a_reset_starts_a_new_episode_as_gymnasium_s_does(env, after):
    envs = both(env=env)
    play(envs, after)
    np.testing.assert_array_equal(*(each.reset() for each in envs))
    play(envs, 60)


@every_env
def test_a_state_of_the_middle_of_an_episode_goes_on_the_same(env):
    quick, usual = both(env=env)
    play((quick, usual), 75)
    state = vec_env_state(quick)
    np.testing.assert_equal(
        [{name: np.asarray(value) for name, value in each["layers"][-1].items()} for each in state["envs"]],
        [{name: np.asarray(value) for name, value in each["layers"][-1].items()} for each in vec_env_state(usual)["envs"]],
    )
    resumed = make_vec_env(env, 3, seed=8, vec_env_cls=ClassicControlVecEnv)
    resumed.reset()
    set_vec_env_state(resumed, state)
    for monitor, its in zip(resumed.envs, usual.envs, strict=True):
        assert monitor.rewards == its.rewards
    play((resumed, usual), 300, seed=1)


def test_envs_may_end_at_different_steps():
    envs = [
        kind([lambda n=n: gym.make("Pendulum-v1", max_episode_steps=n) for n in (7, 11)]) for kind in (ClassicControlVecEnv, DummyVecEnv)
    ]
    for each in envs:
        each.seed(3)
        each.reset()
    assert play(envs, 60) == 60 // 7 + 60 // 11


@every_env
def test_monitor_files_are_sb3_s(env, tmp_path):
    envs = []
    for name, kind in (("quick", ClassicControlVecEnv), ("usual", DummyVecEnv)):
        envs.append(make_vec_env(env, 2, seed=5, monitor_dir=str(tmp_path / name), vec_env_cls=kind))
        envs[-1].reset()
    play(envs, 410)
    for each in envs:
        each.close()
    for i in (0, 1):
        quick, usual = ((tmp_path / name / f"{i}.monitor.csv").read_text().splitlines() for name in ("quick", "usual"))
        assert json.loads(quick[0][1:]).keys() == json.loads(usual[0][1:]).keys()
        assert [row.rpartition(",")[0] for row in quick[1:]] == [row.rpartition(",")[0] for row in usual[1:]]  # but for the time


def test_pictures_show_the_present_state():
    envs = both(2, env_kwargs={"render_mode": "rgb_array"})
    play(envs, 30)
    for one, other in zip(*(each.get_images() for each in envs), strict=True):
        np.testing.assert_array_equal(one, other)
    play(envs, 30, seed=1)


@every_env
def test_looking_into_the_envs_shows_the_present_state_and_changes_count(env):
    envs = both(env=env)
    play(envs, 50)
    for state, state_ in zip(*(each.get_attr("state") for each in envs), strict=True):
        np.testing.assert_array_equal(state, state_)
    assert envs[0].env_method("get_total_steps") == envs[1].env_method("get_total_steps") == [50] * 3
    name = {"Pendulum-v1": "g", "CartPole-v1": "gravity", "Acrobot-v1": "LINK_MASS_2"}.get(env, "max_position")
    for each in envs:
        for one in each.envs:
            setattr(one.unwrapped, name, 0.3)
    play(envs, 170, seed=1)


@pytest.mark.parametrize(("env", "wrong"), [("CartPole-v1", 2), ("CartPole-v1", -1), ("MountainCar-v0", 3), ("Acrobot-v1", 3)])
def test_actions_that_there_are_not_are_refused_as_gymnasium_does(env, wrong):
    for each in both(1, env):
        with pytest.raises((AssertionError, IndexError)):
            each.step(np.array([wrong]))


@pytest.mark.parametrize("form", ["float64", "float16", "a list of float32"])
def test_actions_of_another_form_are_computed_with_in_it(form):
    actions = np.array([[0.3], [1.1]], form.split()[-1])
    envs = both(2)
    play(envs, 3)
    (obs, rewards, *_), (obs_, rewards_, *_) = (each.step(list(actions) if "list" in form else actions) for each in envs)
    np.testing.assert_array_equal(obs, obs_)
    np.testing.assert_array_equal(rewards, rewards_)
    play(envs, 3)


@pytest.mark.parametrize("n_envs", [1, 2])
def test_any_other_env_is_stepped_as_it_is(n_envs):
    envs = both(n_envs, env="FrozenLake-v1")
    for _ in range(60):
        (obs, *_), (obs_, *_) = (each.step(np.ones(n_envs, dtype=int)) for each in envs)
        np.testing.assert_array_equal(obs, obs_)


def test_a_wrapper_that_changes_something_is_honoured():
    envs = both(2, wrapper_class=lambda env: TransformReward(env, lambda reward: reward + 100))
    play(envs, 20)
    assert (envs[0].step(np.zeros((2, 1), np.float32))[1] > 50).all()
