"""The job of a study: one training, and what is measured of it."""

import itertools
import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch as th

from ca2_core.errors import UserError
from ca2_core.study.file import Section
from ca2_rl.optimum import PendulumOptimum
from ca2_rl.study import training
from ca2_rl.study.spec import make_study
from ca2_rl.study.training import Bench, Measurement, Recipe, curve_seeds, episode_returns, train

TAXI = next(env_id for env_id in ("Taxi-v4", "Taxi-v3") if env_id in gym.registry)
QUICK = {"base": "none", "policy": "MlpPolicy", "learning_starts": 100, "batch_size": 8, "policy_kwargs": {"net_arch": [8]}}
CONTINUOUS = QUICK | {"train_freq": 1}
QUICK_AGENTS = {
    "discretizeddqn": QUICK | {"n_bins": 3},
    "noisydqn": QUICK | {"n_bins": 3},
    "ouddpg": CONTINUOUS,
    "dqn": QUICK | {"env_wrapper": {"ca2_rl.envs.end_point_actions.EndPointActions": {"n_bins": 3}}},
    "td3": CONTINUOUS | {"noise_type": "normal", "noise_std": 0.1},
    "sac": CONTINUOUS,
    "ppo": {"base": "none", "policy": "MlpPolicy", "n_steps": 50, "batch_size": 50, "n_envs": 2, "normalize": True},
}
EVALUATION = {"metric": "regret", "episodes": 6, "curve_episodes": 5}


def settings_of(algo, environment=None, evaluation=EVALUATION, **changes):
    content = {
        "n_timesteps": 300,
        "evaluation": evaluation,
        "environments": {"env": {"id": "Pendulum-v1"} | (environment or {})},
        "variants": {"agent": {"algo": algo} | QUICK_AGENTS[algo] | changes},
    }
    (case,) = make_study(Section(content, "study.yml"), "study", Path()).cases
    return case.settings


@pytest.fixture(autouse=True)
def _coarse_optimum(monkeypatch):
    """An optimum on a coarse grid: for where its numbers don't matter."""
    monkeypatch.setattr("ca2_rl.optimum.envs.PendulumOptimum", lambda *args, **kwargs: PendulumOptimum(*args, **kwargs, grid=(60, 61)))


def measured(algo, seed=0, **options):
    settings = settings_of(algo, **options)
    return train(settings, seed, Bench.prepare(settings))


@pytest.mark.parametrize("algo", QUICK_AGENTS)
def test_evaluations_leave_the_training_as_it_is(algo):
    weights = []
    for interval in (10, 1_000):
        recipe = Recipe(settings_of(algo), seed=3)
        model, seeds = recipe.build(), curve_seeds(settings_of(algo))
        measurement = Measurement(recipe.evaluation_envs(seeds), seeds.start, interval)
        model.learn(200, measurement)
        assert len(measurement.curve["steps"]) == 200 // interval
        weights.append(model.policy.state_dict())
    assert all(th.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_evaluations_play_the_same_starts_whatever_was_played_before():
    settings = settings_of("noisydqn")
    recipe = Recipe(settings, seed=0)
    model = recipe.build()
    env = recipe.evaluation_envs(range(77, 82))
    first = episode_returns(model, env)
    assert len(set(first)) == 5
    env.seed(77)
    assert list(episode_returns(model, env)) == list(first)
    assert list(episode_returns(model, recipe.evaluation_envs(range(77, 82)))) == list(first)
    assert list(episode_returns(model, env)) != list(first)


def test_episodes_of_a_training_can_be_cut():
    whole = measured("noisydqn")
    cut = measured("noisydqn", env_kwargs={"max_episode_steps": 50})
    assert len(cut["training_returns"]) == 6
    assert cut["training_returns"][0] > whole["training_returns"][0]  # the same start, fewer steps
    assert cut["return"] + cut["regret"] == pytest.approx(whole["return"] + whole["regret"], abs=0.01)  # measured over whole episodes


def test_env_kwargs_reach_training_and_evaluation():
    settings = settings_of("noisydqn", environment={"env_kwargs": {"g": 9.0}, "eval_env_kwargs": {"g": 12.0}})
    recipe = Recipe(settings, seed=0)
    model = recipe.build()
    assert model.env.get_attr("g") == [9.0]
    assert recipe.evaluation_envs(range(2)).get_attr("g") == [12.0, 12.0]


def test_a_policy_that_goes_in_circles_is_measured(monkeypatch):
    monkeypatch.setattr("ca2_rl.environments.EVALUATION_STEPS", 40)
    cliff = next(env_id for env_id in ("CliffWalking-v1", "CliffWalking-v0") if env_id in gym.registry)
    record = measured("discretizeddqn", environment={"id": cliff}, evaluation={**EVALUATION, "metric": "return"})
    assert -100 * 40 <= record["return"] <= -13


def test_a_training_is_measured():
    settings = settings_of("noisydqn")
    bench = Bench.prepare(settings)
    record = train(settings, 0, bench)
    curve = record["curve"]
    assert curve["steps"] == list(range(15, 301, 15))
    np.testing.assert_allclose(np.add(curve["return"], curve["regret"]), bench.curve.mean(), atol=0.2)
    assert curve["seconds"] == sorted(curve["seconds"])
    assert record["train_seconds"] >= curve["seconds"][-2]
    assert record["compile_seconds"] == 0  # 300 steps are too few
    assert record["return"] + record["regret"] == pytest.approx(bench.final.mean(), abs=0.01)
    percentiles = record["regret_percentiles"]
    assert len(percentiles) == 101
    assert percentiles == sorted(percentiles)
    assert len(record["training_returns"]) == 1  # the second episode is not over
    assert {"steps", "gradient_norm", "loss"} <= set(record["diagnostics"])
    json.dumps(record, allow_nan=False)


def test_regret_is_of_the_optimum_for_the_gravity_of_the_evaluation():
    light, heavy = (Bench.prepare(settings_of("noisydqn", environment={"env_kwargs": {"g": g}})) for g in (2.0, 15.0))
    assert light.final.mean() > heavy.final.mean()
    assert light.final.shape == (6,)
    assert light.curve.shape == (5,)


def test_regret_on_a_lake_is_the_expected_return_of_the_best_policy_minus_the_mean_return():
    environment = {"id": "FrozenLake-v1", "env_kwargs": {"is_slippery": False}}
    record = measured("ppo", environment=environment, normalize=False)
    assert record["regret"] == 1 - record["return"]


def test_a_regret_that_is_not_known_with_these_settings_is_refused():
    settings = settings_of("ppo", environment={"id": TAXI, "env_kwargs": {"fickle_passenger": True}})
    with pytest.raises(UserError, match=f"the optimum of {TAXI} with these env_kwargs is unknown"):
        Bench.prepare(settings)


def test_a_return_needs_no_optimum_and_any_environment_has_one():
    content = {
        "n_timesteps": 128,
        "evaluation": {"episodes": 3, "curve_episodes": 2, "evaluations": 2},
        "environments": {"CartPole-v1": {}},
        "variants": {"ppo": {"algo": "ppo", "n_envs": 2, "n_steps": 32}},
    }
    (case,) = make_study(Section(content, "study.yml"), "study", Path()).cases
    record = train(case.settings, 0, Bench.prepare(case.settings))
    assert "regret" not in record
    assert record["return"] >= 8
    assert len(record["return_percentiles"]) == 101
    assert record["curve"]["steps"] == [64, 128]


def test_observations_are_normalised_in_evaluations_as_in_the_training():
    recipe = Recipe(settings_of("ppo"), seed=0)
    model = recipe.build()
    model.learn(200)
    env = recipe.evaluation_envs(range(2))
    episode_returns(model, env)
    np.testing.assert_array_equal(env.obs_rms.mean, model.env.obs_rms.mean)
    assert not env.training


def test_the_same_job_has_the_same_outcome_whatever_was_trained_before():
    first = measured("ouddpg")
    measured("ouddpg", seed=1)
    again = measured("ouddpg")
    assert again["regret"] == first["regret"]
    assert again["curve"]["regret"] == first["curve"]["regret"]
    assert again["diagnostics"] == first["diagnostics"]


def test_time_of_evaluations_does_not_count(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(training, "core_seconds", lambda: next(clock))

    def slow_returns(model, env):
        for _ in range(200):
            next(clock)
        return np.zeros(1)

    monkeypatch.setattr(training, "episode_returns", slow_returns)
    recipe = Recipe(settings_of("noisydqn"), seed=0)
    measurement = Measurement(recipe.evaluation_envs(range(1)), 0, 10)
    recipe.build().learn(30, measurement)
    assert measurement.curve["seconds"] == [1, 2, 3]


def test_compiling_counts_and_is_measured_by_itself():
    record = measured("discretizeddqn", compile=True)
    assert 0 < record["compile_seconds"] < 60
    assert record["train_seconds"] > record["compile_seconds"] / 10  # a core's seconds against the clock's, on a machine that may be busy


def test_returns_that_are_no_numbers_have_diverged():
    recipe = Recipe(settings_of("ouddpg"), seed=0)
    model = recipe.build()
    with th.no_grad():
        for parameter in model.policy.parameters():
            parameter.fill_(th.nan)
    with pytest.raises(FloatingPointError, match="diverged"):
        episode_returns(model, recipe.evaluation_envs(range(2)))


def test_losses_that_overflow_leave_a_record_that_json_can_hold():
    """The greedy action of Q-values that are not numbers is a torque all the same."""
    record = measured("discretizeddqn", learning_rate=1e30, train_freq=1)
    assert None in record["diagnostics"]["loss"]
    json.dumps(record, allow_nan=False)


def test_dqn_of_sb3_gets_the_same_torques_as_ours():
    ours, theirs = (Recipe(settings_of(algo), seed=0).build() for algo in ("discretizeddqn", "dqn"))
    np.testing.assert_array_equal(theirs.env.get_attr("actions")[0], ours.bins.actions)


def test_building_leaves_the_settings_as_they_are():
    settings = settings_of("td3")
    before = json.dumps(settings)
    model = Recipe(settings, seed=0).build()
    assert json.dumps(settings) == before
    assert model.action_noise._sigma == 0.1


def test_starts_of_the_last_model_are_none_of_the_curves():
    settings = settings_of("noisydqn", evaluation=EVALUATION | {"episodes": 250})
    assert training.final_seeds(settings) == range(10_000, 10_250)
    assert curve_seeds(settings) == range(20_000, 20_005)


def test_it_does_not_matter_how_many_envs_an_evaluation_steps_together(monkeypatch):
    together = measured("noisydqn")["regret_percentiles"]
    monkeypatch.setattr(training, "CHUNK", 4)
    assert measured("noisydqn")["regret_percentiles"] == pytest.approx(together, rel=1e-3)
