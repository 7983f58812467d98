"""Envs that can be saved at any step, at the end of an episode, or not at all."""

import logging

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import wrappers
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import SubprocVecEnv, VecNormalize

from ca2_core.errors import UserError
from ca2_rl import DiscretizedDQN
from ca2_rl.envs.classic_control_vec_env import ClassicControlVecEnv
from ca2_rl.state import SaveStates, envs, load_state, register_env_state, restore_state, save_state
from ca2_rl.state.callback import newest_state

SETTINGS = {"learning_starts": 20, "train_freq": 1, "policy_kwargs": {"net_arch": [8]}, "buffer_size": 300, "batch_size": 8, "seed": 1}


class Hidden(gym.Env):
    """A walk of 17 steps whose place nobody knows; it hides a generator of its own."""

    observation_space = gym.spaces.Box(-100, 100, (1,))
    action_space = gym.spaces.Discrete(2)

    def __init__(self):
        self.place, self.steps, self.own = 0.0, 0, np.random.default_rng(3)
        self.seeds = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.steps, self.place = 0, float(self.np_random.normal())
        return np.array([self.place], np.float32), {}

    def step(self, action):
        self.steps += 1
        self.place += (2 * action - 1) + self.noise()
        return np.array([self.place], np.float32), -abs(self.place), False, self.steps >= 17, {}

    def noise(self):
        return float(self.np_random.normal())


class Known(Hidden):
    """The same with a second generator, all of which an adapter names."""

    def noise(self):
        return float(self.own.normal())


class InterruptAt(BaseCallback):
    def __init__(self, step, states):
        super().__init__()
        self.step, self.states = step, states

    def _on_step(self):
        if self.num_timesteps == self.step:
            self.states.interrupt()
        return True


def make(env, n_envs=1, algorithm=DiscretizedDQN):
    settings = SETTINGS if issubclass(algorithm, DQN) else {"n_steps": 32, "batch_size": 16, "seed": 1}
    return algorithm("MlpPolicy", make_vec_env(env, n_envs, vec_env_cls=ClassicControlVecEnv), **settings)


def seen(model):
    """What the agent has learned and seen."""
    buffer = getattr(model, "replay_buffer", None)
    arrays = [] if buffer is None else [buffer.observations[: buffer.pos], buffer.rewards[: buffer.pos]]
    arrays += [np.array(tensor) for _, tensor in sorted(model.policy.state_dict().items())]
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays), [episode["r"] for episode in model.ep_info_buffer]


def train(env, folder, at=None, **options):
    """Trains 120 steps, stopped at one of them and gone on with if that is said; and the step of the stop."""
    states, model = SaveStates(folder, 1e9), make(env, **options)
    if at is None:
        return model.learn(120, callback=states), None
    with pytest.raises(KeyboardInterrupt):
        model.learn(120, callback=[states, InterruptAt(at, states)])
    stopped_at = model.num_timesteps
    np.random.seed(7)
    states, model = SaveStates(folder, 1e9), make(env, **options)
    states.resume(model, newest_state(folder))
    return model.learn(120 - stopped_at, callback=states, reset_num_timesteps=False), stopped_at


def test_an_env_without_an_adapter_is_saved_at_the_end_of_an_episode(tmp_path):
    whole, _ = train(Hidden, tmp_path / "whole")
    resumed, stopped_at = train(Hidden, tmp_path / "resumed", at=60)
    assert stopped_at == 4 * 17
    assert seen(resumed) == seen(whole)


def test_its_episodes_have_seeds_that_follow_from_the_first(tmp_path):
    """Interrupted or not: the seed of the n-th does not depend on the steps before it."""
    whole, _ = train(Hidden, tmp_path / "whole")
    resumed, _ = train(Hidden, tmp_path / "resumed", at=60)
    seeds, after = (model.env.unwrapped.envs[0].unwrapped.seeds for model in (whole, resumed))
    assert len(set(seeds)) == len(seeds) == 8
    assert None not in seeds
    assert after[-4:] == seeds[-4:]
    expected = [int(np.random.SeedSequence([1, episode]).generate_state(1)[0] >> 1) for episode in range(1, 8)]
    assert seeds == [1, *expected]  # as docs/howto/resume.md says


def test_several_of_them_are_said_not_to_be_exact(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "ca2_rl"):
        resumed, stopped_at = train(Hidden, tmp_path, at=60, n_envs=2)
    assert "Hidden: can't be saved. A resumed training begins new episodes, so its results will differ." in caplog.text
    assert (resumed.num_timesteps, stopped_at) == (120, 60)  # it goes on, at once


@pytest.mark.slow
def test_envs_in_processes_of_their_own_go_on_in_new_episodes(tmp_path, caplog):
    def model():
        return DiscretizedDQN("MlpPolicy", make_vec_env("CartPole-v1", 2, vec_env_cls=SubprocVecEnv), **SETTINGS)

    states, first = SaveStates(tmp_path, 1e9), model()
    with caplog.at_level(logging.INFO, "ca2_rl"), pytest.raises(KeyboardInterrupt):
        first.learn(120, callback=[states, InterruptAt(60, states)])
    assert "SubprocVecEnv: can't be saved." in caplog.text
    states, second = SaveStates(tmp_path, 1e9), model()
    states.resume(second, newest_state(tmp_path))
    assert (second.num_timesteps, second.replay_buffer.pos) == (60, 30)
    second.learn(60, callback=states, reset_num_timesteps=False)
    assert (second.num_timesteps, second.replay_buffer.pos) == (120, 60)
    for agent in (first, second):
        agent.env.close()


@pytest.mark.parametrize("n_envs", [1, 2])
@pytest.mark.parametrize("algorithm", [DiscretizedDQN, PPO])
def test_a_state_saved_in_the_middle_of_an_episode_goes_on_in_a_new_one(algorithm, n_envs, tmp_path, caplog):
    model = make(Hidden, n_envs, algorithm).learn(60)  # no multiple of 17
    with caplog.at_level(logging.INFO, "ca2_rl"):
        save_state(model, tmp_path)
    assert "Hidden: can't be saved. A resumed training begins new episodes, so its results will differ." in caplog.text
    steps = model.num_timesteps
    model.learn(64, reset_num_timesteps=False)
    loaded = load_state(algorithm, tmp_path, make_vec_env(Hidden, n_envs))
    assert loaded.num_timesteps == steps
    loaded.learn(64, reset_num_timesteps=False)
    assert loaded.num_timesteps == model.num_timesteps
    assert loaded.ep_info_buffer[-1]["l"] == 17


def test_statistics_are_kept_where_envs_can_not_be(tmp_path):
    def env():
        return VecNormalize(make_vec_env(Hidden, 2))

    model = DiscretizedDQN("MlpPolicy", env(), **SETTINGS).learn(200)
    save_state(model, tmp_path)
    kept, loaded = model.env.obs_rms, load_state(DiscretizedDQN, tmp_path, env())
    assert loaded.env.obs_rms.mean == pytest.approx(kept.mean, rel=0.1)  # it has seen the observation of a reset since
    assert loaded.env.obs_rms.count == kept.count + 2
    loaded.learn(60, reset_num_timesteps=False)


def test_an_algorithm_that_fills_rollouts_waits_for_no_episode(tmp_path):
    resumed, stopped_at = train(Hidden, tmp_path, at=60, algorithm=PPO)
    assert stopped_at == 64
    assert resumed.num_timesteps == 128


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(envs, "ADAPTERS", dict(envs.ADAPTERS))
    register_env_state(Known, "place", "steps", "own", "seeds")


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("n_envs", [1, 3])
def test_an_env_with_an_adapter_is_saved_in_the_middle_of_an_episode(n_envs, tmp_path):
    whole, _ = train(Known, tmp_path / "whole", n_envs=n_envs)
    resumed, stopped_at = train(Known, tmp_path / "resumed", at=60, n_envs=n_envs)
    assert stopped_at == 60
    assert seen(resumed) == seen(whole)


def test_an_adapter_comes_by_an_entry_point(monkeypatch):
    class EntryPoint:
        @staticmethod
        def load():
            return lambda: register_env_state(Known, "place", "steps", "own")

    monkeypatch.setattr(envs, "ADAPTERS", dict(envs.ADAPTERS))
    monkeypatch.setattr(envs, "entry_points", lambda group: [EntryPoint] if group == "ca2_rl.env_states" else [])
    envs._register_installed.cache_clear()
    assert envs.can_save(Known())
    assert not envs.can_save(Hidden())  # its parent
    envs._register_installed.cache_clear()


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1"])
@pytest.mark.parametrize(
    "wrap", [lambda env: env, Monitor, wrappers.TimeAwareObservation, wrappers.FlattenObservation], ids=["bare", "monitor", "time", "flat"]
)
def test_what_is_put_back_makes_the_same_steps(env_id, wrap):
    first, second = wrap(gym.make(env_id)), wrap(gym.make(env_id))
    first.reset(seed=3)
    first.action_space.seed(4)
    for _ in range(30):
        if any(first.step(first.action_space.sample())[2:4]):
            first.reset()
    envs.set_env_state(second, envs.env_state(first))
    for _ in range(600):  # episodes end, and others begin
        action = first.action_space.sample()
        assert np.array_equal(action, second.action_space.sample())
        one, two = first.step(action), second.step(action)
        assert np.array_equal(one[0], two[0])
        assert one[1:4] == two[1:4]
        if one[2] or one[3]:
            assert np.array_equal(first.reset()[0], second.reset()[0])


def test_a_state_of_other_settings_is_one_line(tmp_path):
    model = make("CartPole-v1")
    save_state(model, tmp_path / "state")
    for other in (make("CartPole-v1", 2), make("Acrobot-v1"), DQN("MlpPolicy", "CartPole-v1")):
        with pytest.raises(UserError) as error_info:
            restore_state(other, tmp_path / "state")
        assert "\n" not in str(error_info.value)
    bigger = DiscretizedDQN("MlpPolicy", "CartPole-v1", **SETTINGS | {"buffer_size": 500})
    with pytest.raises(UserError, match="its replay buffer has 300 rows, here it has 500"):
        restore_state(bigger, tmp_path / "state")
    with pytest.raises(UserError, match="the state is one of DiscretizedDQN, not of DQN"):
        load_state(DQN, tmp_path / "state", gym.make("CartPole-v1"))


def test_a_setting_that_can_t_be_saved_is_named(tmp_path):
    settings = SETTINGS | {"learning_rate": lambda progress: 0.01 * progress}
    model = DiscretizedDQN("MlpPolicy", make_vec_env("CartPole-v1"), **settings).learn(40)
    save_state(model, tmp_path)
    with pytest.raises(UserError, match=r"learning_rate could not be saved.*Give it: load_state\(\.\.\., learning_rate=\.\.\.\)"):
        load_state(DiscretizedDQN, tmp_path, make_vec_env("CartPole-v1"))
    loaded = load_state(DiscretizedDQN, tmp_path, make_vec_env("CartPole-v1"), learning_rate=settings["learning_rate"])
    assert loaded.num_timesteps == 40


@pytest.mark.parametrize("folder", ["nothing", "empty"])
def test_a_folder_without_a_state_is_one_line(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"not the state of a training: state\.json is missing"):
        load_state(DiscretizedDQN, tmp_path / folder, make_vec_env("CartPole-v1"))


def test_a_state_of_another_version_is_one_line(tmp_path):
    save_state(make("CartPole-v1"), tmp_path)
    content = (tmp_path / "state.json").read_text()
    (tmp_path / "state.json").write_text(content.replace('"format": 1', '"format": 2'))
    with pytest.raises(UserError, match="a state of format 2, but this version of ca2 reads format 1"):
        load_state(DiscretizedDQN, tmp_path, make_vec_env("CartPole-v1"))


def test_what_else_is_in_the_folder_of_states_is_left_alone(tmp_path):
    for name in ("photos", "2024"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    model = DiscretizedDQN("MlpPolicy", "CartPole-v1", seed=0, learning_starts=10, policy_kwargs={"net_arch": [4]})
    model.learn(40, callback=SaveStates(tmp_path, minutes=1e-9))
    left = sorted(path.name for path in tmp_path.iterdir())
    assert {"photos", "2024", "notes.txt"} < set(left)
    assert len(left) == 5
    assert (tmp_path / "2024" / "mine.txt").read_text() == "mine"
