"""One training, and what is measured of it."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch as th

from ca2_core.errors import UserError
from ca2_rl.envs.pendulum import observe
from ca2_rl.studies import training
from ca2_rl.studies.jobs import Job, Variant
from ca2_rl.studies.overview import sb3_dqn
from ca2_rl.studies.settings import of_the_zoo, shipped
from ca2_rl.studies.training import Measurement, build, train

QUICK = {"n_timesteps": 300, "policy": "MlpPolicy", "learning_starts": 100, "batch_size": 8, "policy_kwargs": {"net_arch": [8]}}
CONTINUOUS = QUICK | {"train_freq": 1}
QUICK_AGENTS = {
    "discretizeddqn": QUICK | {"n_bins": 3},
    "noisydqn": QUICK | {"n_bins": 3},
    "ouddpg": CONTINUOUS,
    "dqn": QUICK | {"env_wrapper": sb3_dqn().hyperparams["env_wrapper"]},
    "td3": CONTINUOUS | {"noise_type": "normal", "noise_std": 0.1},
    "sac": CONTINUOUS,
}


def job(algo, seed=0):
    return Job(Variant(algo, algo, QUICK_AGENTS[algo]), seed, 300)


@pytest.mark.parametrize("algo", QUICK_AGENTS)
def test_evaluations_leave_the_training_as_it_is(algo, evaluations):
    weights = []
    for interval in (10, 1_000):
        model, predictor = build(algo, QUICK_AGENTS[algo], seed=3)
        measurement = Measurement(predictor, evaluations.curve, interval)
        model.learn(150, measurement)
        assert len(measurement.curve["steps"]) == 150 // interval
        weights.append(model.policy.state_dict())
    assert all(th.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_episodes_of_a_training_can_be_cut(evaluations):
    hyperparams = QUICK_AGENTS["noisydqn"] | {"env_kwargs": {"max_episode_steps": 50, "g": 9.0}}
    model, _ = build("noisydqn", hyperparams, seed=0)
    assert model.env.get_attr("g") == [9.0]
    whole = train(job("noisydqn"), evaluations)
    cut = train(Job(Variant("cut", "noisydqn", QUICK_AGENTS["noisydqn"] | {"env_kwargs": {"max_episode_steps": 50}}), 0, 300), evaluations)
    assert len(cut["training_returns"]) == 6
    assert cut["training_returns"][0] > whole["training_returns"][0]  # the same start, fewer steps
    assert cut["return"] + cut["regret"] == pytest.approx(whole["return"] + whole["regret"], abs=0.01)  # measured over whole episodes


def test_a_training_is_measured(evaluations):
    record = train(job("noisydqn"), evaluations)
    curve = record["curve"]
    assert curve["steps"] == list(range(15, 301, 15))
    optimum = evaluations.curve.optimal_returns.mean()
    np.testing.assert_allclose(np.add(curve["return"], curve["regret"]), optimum, atol=0.2)
    assert curve["seconds"] == sorted(curve["seconds"])
    assert record["train_seconds"] >= curve["seconds"][-2]
    assert record["compile_seconds"] == 0  # 300 steps are too few
    assert record["return"] + record["regret"] == pytest.approx(evaluations.final.optimal_returns.mean(), abs=0.01)
    percentiles = record["regret_percentiles"]
    assert len(percentiles) == 101
    assert percentiles == sorted(percentiles)
    assert len(record["training_returns"]) == 1  # the second episode is not over
    assert record["late"]["return_mean"] == pytest.approx(record["training_returns"][0], abs=0.1)
    assert {"steps", "gradient_norm", "loss", "mean_q", "return", "sigma_0"} <= set(record["diagnostics"])


def test_the_same_job_has_the_same_outcome_whatever_was_trained_before(evaluations):
    first = train(job("ouddpg"), evaluations)
    train(job("ouddpg", seed=1), evaluations)
    again = train(job("ouddpg"), evaluations)
    assert again["regret"] == first["regret"]
    assert again["curve"]["regret"] == first["curve"]["regret"]
    assert again["diagnostics"] == first["diagnostics"]


def test_time_of_evaluations_does_not_count(evaluations, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(training, "core_seconds", lambda: next(clock))
    measurement = Measurement(
        SimpleNamespace(predict=lambda obs, deterministic: (np.zeros((len(obs), 1)), next(clock))), evaluations.curve, 1
    )
    measurement._on_training_start()
    for measurement.num_timesteps in (1, 2, 3):  # each evaluation takes 200 ticks and more
        measurement.evaluate()
    assert measurement.curve["seconds"] == [1, 2, 3]


def test_compiling_counts_and_is_measured_by_itself(evaluations):
    hyperparams = QUICK_AGENTS["discretizeddqn"] | {"compile": True}
    record = train(Job(Variant("x", "discretizeddqn", hyperparams), 0, 300), evaluations)
    assert 0 < record["compile_seconds"] < 60
    assert record["train_seconds"] > record["compile_seconds"] / 10  # a core's seconds against the clock's, on a machine that may be busy


def test_a_policy_that_is_not_a_number_has_diverged(evaluations):
    broken = SimpleNamespace(predict=lambda obs, deterministic: (np.full((len(obs), 1), np.nan), None))
    with pytest.raises(FloatingPointError, match="diverged"):
        evaluations.final.returns(broken)


def test_losses_that_overflow_leave_a_record_that_json_can_hold(evaluations):
    """The greedy action of Q-values that are not numbers is a torque all the same."""
    overflowing = Variant("x", "discretizeddqn", QUICK_AGENTS["discretizeddqn"] | {"learning_rate": 1e30, "train_freq": 1})
    record = train(Job(overflowing, 0, 300), evaluations)
    assert None in record["diagnostics"]["loss"]
    json.dumps(record, allow_nan=False)


def test_dqn_of_sb3_gets_the_same_torques_as_ours():
    _, theirs = build("dqn", QUICK_AGENTS["dqn"], seed=0)
    observations = observe(np.random.default_rng(0).uniform(-3, 3, (300, 2)))
    torques, _ = theirs.predict(observations, deterministic=True)
    assert torques.shape == (300, 1)
    assert set(torques.ravel()) <= {-2.0, 0.0, 2.0}
    ours, _ = build("discretizeddqn", QUICK_AGENTS["discretizeddqn"], seed=0)
    np.testing.assert_array_equal(theirs.actions, ours.bins.actions)


def test_settings_are_those_of_the_environment():
    assert shipped("noisydqn") == shipped("noisydqn", "Pendulum-v1")
    assert shipped("noisydqn", "CartPole-v1", gamma=0.5) == shipped("noisydqn", "CartPole-v1") | {"gamma": 0.5}
    assert of_the_zoo("dqn", "CartPole-v1")["policy_kwargs"] == {"net_arch": [256, 256]}


def test_settings_of_the_zoo_become_objects():
    settings = of_the_zoo("td3")
    model, predictor = build("td3", settings, seed=0)
    assert predictor is model
    assert [layer.out_features for layer in model.actor.mu if hasattr(layer, "out_features")] == [400, 300, 1]
    assert model.action_noise._sigma == settings["noise_std"]
    assert (model.gamma, model.learning_starts, model.lr_schedule(0.5)) == (settings["gamma"], settings["learning_starts"], 1e-3)


def test_building_leaves_the_settings_as_they_are():
    settings = of_the_zoo("td3")
    build("td3", settings, seed=0)
    assert settings == of_the_zoo("td3")


def test_schedules_of_the_zoo_fall_to_zero():
    model, _ = build("ouddpg", shipped("ouddpg", learning_rate="lin_1e-3"), seed=0)
    assert [model.lr_schedule(progress) for progress in (1.0, 0.25, 0.0)] == pytest.approx([1e-3, 0.25e-3, 0.0])


def test_wrong_algorithm_is_named():
    with pytest.raises(UserError, match="Did you mean 'dqn'"):
        build("dqm", QUICK, seed=0)
