"""Playing trained agents."""

import json
from collections import OrderedDict
from pathlib import Path

import gymnasium as gym
import numpy as np
import platformdirs
import pytest
import yaml
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

import ca2_rl.evaluate as module
from ca2_core.errors import UserError
from ca2_rl import OUDDPG, DiscretizedDQN
from ca2_rl.evaluate import Evaluation, evaluate, print_summary, summarize, summary
from ca2_rl.optimum import PendulumOptimum, envs
from ca2_rl.runs import Run, read_run
from ca2_rl.zoo.plugins import register


def create(algorithm, env, **kwargs):
    return algorithm("MlpPolicy", env, seed=0, buffer_size=10, policy_kwargs={"net_arch": [8]}, device="cpu", **kwargs)


@pytest.fixture(autouse=True)
def _registered_and_fast(tmp_path, monkeypatch):
    register()
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *args: str(tmp_path / "cache"))
    monkeypatch.setattr(envs, "PendulumOptimum", lambda g, horizon: PendulumOptimum(g, (-2.0, 0.0, 2.0), horizon, grid=(60, 61)))


def write_run(folder, model, env_id, config=None, **args):
    params = folder / env_id
    params.mkdir(parents=True)
    model.save(folder / f"{env_id}.zip")
    algo = type(model).__name__.lower()
    (params / "args.yml").write_text(yaml.dump(OrderedDict({"algo": algo, "env": env_id, "seed": 0} | args)))
    (params / "config.yml").write_text(yaml.dump(OrderedDict(config or {})))
    return read_run(folder)


@pytest.fixture
def cartpole(tmp_path):
    """An agent whose episodes have different lengths."""
    return write_run(tmp_path / "CartPole-v1_1", create(DiscretizedDQN, "CartPole-v1"), "CartPole-v1")


@pytest.fixture
def pendulum(tmp_path):
    return write_run(tmp_path / "Pendulum-v1_1", create(OUDDPG, "Pendulum-v1"), "Pendulum-v1")


def play(model, env, seed, prepare=lambda observation: observation):
    """Return of one episode, the plain way."""
    observation, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        action, _ = model.predict(prepare(observation), deterministic=True)
        observation, reward, terminated, truncated, _ = env.step(action)
        total, over = total + reward, terminated or truncated
    return total


def test_returns_are_those_of_episodes_seeded_one_after_the_other(cartpole):
    model = DiscretizedDQN.load(cartpole.model_path)
    expected = [play(model, gym.make("CartPole-v1"), seed=5 + i) for i in range(12)]
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(evaluate(cartpole, 12, seed=5).returns, expected)


@pytest.mark.parametrize("chunk", [1, 5, 100])
def test_returns_do_not_depend_on_how_many_envs_are_stepped_together(cartpole, chunk, monkeypatch):
    expected = evaluate(cartpole, 12).returns
    monkeypatch.setattr(module, "CHUNK", chunk)
    np.testing.assert_array_equal(evaluate(cartpole, 12).returns, expected)


class OneLongEpisode(gym.Env):
    """The first episode after a seed has as many steps and as high a return as the seed says; those that follow it have one of 100."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (1,))
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self.left, self.reward = (1, 100.0) if seed is None else (seed, 1.0)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.left -= 1
        return np.zeros(1, np.float32), self.reward, self.left == 0, False, {}


def test_short_episodes_have_no_more_weight_than_long_ones(tmp_path, monkeypatch):
    monkeypatch.setitem(gym.registry, "OneLongEpisode-v0", gym.envs.registration.EnvSpec("OneLongEpisode-v0", OneLongEpisode))
    run = write_run(tmp_path / "run", create(DiscretizedDQN, OneLongEpisode()), "OneLongEpisode-v0")
    assert evaluate(run, 6, seed=3).returns.tolist() == [3, 4, 5, 6, 7, 8]


def test_same_seed_gives_the_same_returns_and_another_others(cartpole):
    first, again, other = (evaluate(cartpole, 10, seed).returns for seed in (0, 0, 100))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_envs_without_a_known_optimum_have_no_regret(cartpole):
    assert evaluate(cartpole, 1).regrets is None


def test_regret_on_pendulum_is_against_the_optimum_of_the_very_same_starts(pendulum):
    evaluation = evaluate(pendulum, 4, seed=3)
    env, starts = gym.make("Pendulum-v1"), []
    for i in range(4):
        env.reset(seed=3 + i)
        starts.append(env.unwrapped.state)
    optimum = envs.PendulumOptimum(10.0, 200).returns(np.array(starts))
    np.testing.assert_allclose(evaluation.regrets, optimum - evaluation.returns)
    model = OUDDPG.load(pendulum.model_path)
    np.testing.assert_allclose(evaluation.returns, [play(model, env, 3 + i) for i in range(4)], rtol=1e-3)
    assert (evaluation.regrets > 0).all()


def test_regret_on_a_frozen_lake_is_against_what_the_best_policy_gets_on_average(tmp_path):
    model = DQN("MlpPolicy", "FrozenLake-v1", seed=0, buffer_size=10, policy_kwargs={"net_arch": [8]}, device="cpu")
    evaluation = evaluate(write_run(tmp_path / "run", model, "FrozenLake-v1", env_kwargs={"is_slippery": False}), 3)
    np.testing.assert_array_equal(evaluation.regrets, 1 - evaluation.returns)  # where nothing is left to chance, it arrives


@pytest.mark.parametrize("where", ["args", "config", "eval"])
def test_gravity_of_the_training_is_that_of_the_optimum(tmp_path, where, monkeypatch):
    gravity = {"env_kwargs": {"g": 5.0}}
    args = {"args": gravity, "config": {}, "eval": {"eval_env_kwargs": {"g": 5.0}, "env_kwargs": {"g": 7.0}}}[where]
    model = create(OUDDPG, "Pendulum-v1")
    run = write_run(tmp_path / "run", model, "Pendulum-v1", gravity if where == "config" else None, **args)
    seen = []
    monkeypatch.setattr(envs, "PendulumOptimum", lambda g, horizon: seen.append(g) or PendulumOptimum(g, horizon=horizon, grid=(20, 21)))
    expected = play(model, gym.make("Pendulum-v1", g=5.0), seed=0)
    assert evaluate(run, 1).returns == pytest.approx([expected], rel=1e-3)
    assert seen == [5.0]


def test_whole_episodes_are_played_also_where_those_of_the_training_were_cut(tmp_path):
    model = create(OUDDPG, "Pendulum-v1")
    run = write_run(tmp_path / "run", model, "Pendulum-v1", {"env_kwargs": {"max_episode_steps": 50, "g": 5.0}})
    expected = play(model, gym.make("Pendulum-v1", g=5.0), seed=0)
    assert evaluate(run, 1).returns == pytest.approx([expected], rel=1e-3)


def test_returns_of_an_agent_with_normalised_observations_are_those_of_the_env(tmp_path):
    env = VecNormalize(make_vec_env("CartPole-v1", seed=0), norm_reward=True)
    model = create(DiscretizedDQN, env, learning_starts=1000).learn(100)
    run = write_run(tmp_path / "run", model, "CartPole-v1", {"normalize": True})
    env.save(str(run.params_folder / "vecnormalize.pkl"))
    expected = [play(model, gym.make("CartPole-v1"), i, env.normalize_obs) for i in range(5)]
    np.testing.assert_array_equal(evaluate(run, 5).returns, expected)


def test_a_run_without_a_model_is_refused(cartpole):
    cartpole.model_path.unlink()
    with pytest.raises(UserError, match="has not finished"):
        evaluate(cartpole, 1)


def test_a_damaged_model_is_refused_with_its_path(cartpole):
    content = cartpole.model_path.read_bytes()
    cartpole.model_path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"CartPole-v1\.zip"):
        evaluate(cartpole, 1)


def test_an_unknown_algorithm_is_refused_with_the_nearest(tmp_path):
    run = write_run(tmp_path / "run", create(DiscretizedDQN, "CartPole-v1"), "CartPole-v1", algo="discretisedqn")
    with pytest.raises(UserError, match="Did you mean 'discretizeddqn'"):
        evaluate(run, 1)


def evaluation(algo, returns, regrets=None, number=1, env_id="Pendulum-v1"):
    folder = Path("logs", algo, f"{env_id}_{number}")
    run = Run(folder, folder / env_id, {}, algo, env_id, seed=number)
    return Evaluation(run, np.array(returns), None if regrets is None else np.array(regrets), np.full(len(returns), 200))


def test_summary_has_the_moments_and_the_middle():
    numbers = summary(np.array([1.0, 2.0, 3.0, 10.0]))
    assert (numbers["mean"], numbers["iqm"]) == (4.0, 2.5)
    assert numbers["std"] == pytest.approx(np.sqrt((9 + 4 + 1 + 36) / 4))
    low, high = numbers["iqm_95"]
    assert low <= 2.5 <= high


def test_summary_of_one_score_has_no_interval():
    assert summary(np.array([3.0])) == {"mean": 3.0, "std": 0.0, "iqm": 3.0, "iqm_95": None}


def test_every_run_has_a_record_over_its_episodes():
    [record] = summarize([evaluation("a", [1.0, 3.0], [5.0, 7.0], number=4)])
    assert (record["run"], record["algo"], record["seed"], record["episodes"]) == (str(Path("logs/a/Pendulum-v1_4")), "a", 4, 2)
    assert (record["return"]["mean"], record["regret"]["mean"]) == (2.0, 6.0)


def test_several_runs_of_an_algorithm_are_one_more_record_over_their_means():
    runs = [evaluation("a", [0.0, 2.0], [4.0, 4.0], 1), evaluation("b", [9.0], [0.0]), evaluation("a", [5.0, 5.0, 5.0], [1.0] * 3, 2)]
    *singles, group = summarize(runs)
    assert [record["run"] for record in singles] == [str(run.run.folder) for run in runs]
    assert (group["algo"], group["env"], group["runs"]) == ("a", "Pendulum-v1", 2)
    assert group["return"] == summary(np.array([1.0, 5.0]))
    assert group["regret"] == summary(np.array([4.0, 1.0]))


def test_runs_on_different_envs_are_not_one_group():
    assert len(summarize([evaluation("a", [1.0]), evaluation("a", [1.0], env_id="CartPole-v1")])) == 2


@pytest.mark.parametrize("has_regrets", [True, False])
def test_table_has_a_row_for_each_record_and_regrets_if_there_are_any(capsys, has_regrets):
    regrets = [1.25, 2.25] if has_regrets else None
    print_summary(summarize([evaluation("a", [-151.25, -153.25], regrets, number) for number in (1, 2)]))
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("Pendulum-v1_1", "Pendulum-v1_2", "a, Pendulum-v1: 2 runs", "-152.2"))
    assert ("regret" in printed) == ("1.8" in printed) == has_regrets


def test_table_of_runs_with_and_without_regret_marks_those_without(capsys):
    print_summary(summarize([evaluation("a", [1.0], [2.0]), evaluation("a", [1.0], env_id="CartPole-v1")]))
    row = next(line for line in capsys.readouterr().out.splitlines() if "CartPole" in line)
    assert row.split()[-4:] == ["-"] * 4


def test_json_has_all_numbers(cartpole, tmp_path, capsys):
    path = tmp_path / "numbers" / "out.json"
    module.main([str(cartpole.folder), "--episodes", "3", "--seed", "2", "--json", str(path)])
    content = json.loads(path.read_text(), parse_constant=pytest.fail)
    expected = evaluate(cartpole, 3, seed=2).returns
    assert content["episodes"][str(cartpole.folder)] == {"returns": expected.tolist(), "regrets": None}
    assert content["summary"][0]["return"]["mean"] == pytest.approx(expected.mean())
    assert content["seed"] == 2
    assert "stable-baselines3" in content["versions"]
    assert str(path) in capsys.readouterr().out


def test_no_episode_at_all_is_refused(cartpole):
    with pytest.raises(UserError, match="--episodes: at least 1"):
        module.main([str(cartpole.folder), "--episodes", "0"])
