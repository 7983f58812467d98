"""The file of a study: what it means, and what is wrong in it."""

import sys
from pathlib import Path

import pytest

from ca2_core.errors import UserError
from ca2_core.study.file import Section
from ca2_rl.study.hyperparams import of_the_zoo, shipped
from ca2_rl.study.spec import make_benches, make_study, read_study

PENDULUM = {"environments": {"Pendulum-v1": None}}
NOISY = {"variants": {"noisy": {"algo": "noisydqn"}}}


def study_of(content, **options):
    return make_study(Section(content, "study.yml"), "study", Path(), **options)


def settings_of(content):
    (case,) = study_of(content).cases
    return case.settings


def test_a_file_is_every_variant_on_every_environment(tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text("""
title: Mine
seeds: [3, 5]
n_timesteps: 4_000
environments:
  Pendulum-v1:
  heavy: {id: Pendulum-v1, env_kwargs: {g: 15.0}, n_timesteps: 6000, evaluation: {metric: regret, thresholds: [15]}}
  CartPole-v1:
variants:
  noisy: {algo: noisydqn, gamma: 0.9}
  SB3's DQN: {algo: dqn, environments: [CartPole-v1], group: discrete, seeds: 1}
""")
    study = read_study(path)
    assert (study.name, study.title, study.seeds) == ("mine", "Mine", [3, 5])
    assert [(case.variant, case.task, case.group) for case in study.cases] == [
        ("noisy", "Pendulum-v1", ""),
        ("noisy", "heavy", ""),
        ("noisy", "CartPole-v1", ""),
        ("SB3's DQN", "CartPole-v1", "discrete"),
    ]
    assert [case.seeds for case in study.cases] == [None, None, None, 1]
    assert [case.settings["n_timesteps"] for case in study.cases] == [4000, 6000, 4000, 4000]
    assert study.cases[0].settings["hyperparams"]["gamma"] == 0.9
    assert study.cases[1].settings["eval_env_kwargs"] == {"g": 15.0}
    assert study.measures["heavy"].name == "regret"
    assert study.measures["heavy"].thresholds == (15.0,)
    assert study.measures["CartPole-v1"].name == "return"
    assert [case.bench for case in study.cases[:2]] != [study.cases[0].bench] * 2


def test_a_study_without_a_title_is_called_after_its_file():
    assert make_study(Section(PENDULUM | NOISY, "more_noise.yml"), "more_noise", Path()).title == "More noise"


def test_hyperparameters_are_shipped_or_the_zoos_or_of_another_algorithm_or_none():
    def hyperparams(**variant):
        settings = settings_of(PENDULUM | {"variants": {"a": variant}})
        return settings["hyperparams"] | {"n_timesteps": settings["n_timesteps"]}

    assert hyperparams(algo="noisydqn") == shipped("noisydqn", "Pendulum-v1")
    assert hyperparams(algo="td3") == of_the_zoo("td3", "Pendulum-v1")
    assert hyperparams(algo="td3", base="zoo/ddpg") == of_the_zoo("ddpg", "Pendulum-v1")
    own = {"policy": "MlpPolicy", "n_timesteps": 300}
    assert hyperparams(algo="td3", base="none", **own) == own


def test_own_hyperparameters_come_on_top_and_null_takes_one_away():
    variant = {"algo": "discretizeddqn", "base": "shipped/noisydqn", "sigma0": None, "policy_kwargs": {"net_arch": [8]}}
    hyperparams = settings_of(PENDULUM | {"variants": {"a": variant}})["hyperparams"]
    theirs = shipped("noisydqn", "Pendulum-v1")
    assert "sigma0" not in hyperparams
    assert hyperparams["policy_kwargs"] == theirs["policy_kwargs"] | {"net_arch": [8]}


def test_cut_episodes_are_of_the_training_alone_and_the_task_is_of_both():
    variant = {"algo": "noisydqn", "env_kwargs": {"max_episode_steps": 50}}
    environment = {"id": "Pendulum-v1", "env_kwargs": {"g": 9.0}, "eval_env_kwargs": {"g": 12.0}}
    settings = settings_of({"environments": {"a": environment}, "variants": {"b": variant}})
    assert settings["hyperparams"]["env_kwargs"] == {"g": 9.0, "max_episode_steps": 50}
    assert settings["eval_env_kwargs"] == {"g": 12.0}


def test_quick_is_a_tenth_of_the_budget_and_another_job():
    quick, whole = (study_of(PENDULUM | NOISY, quick=quick).cases[0].settings for quick in (True, False))
    assert quick["n_timesteps"] == whole["n_timesteps"] / 10
    assert quick["evaluation"]["episodes"] == whole["evaluation"]["episodes"] / 10


@pytest.mark.parametrize(
    "change",
    [
        {"n_timesteps": 100},
        {"variants": {"noisy": {"algo": "noisydqn", "sigma0": 0.3}}},
        {"variants": {"noisy": {"algo": "discretizeddqn"}}},
        {"environments": {"Pendulum-v1": {"env_kwargs": {"g": 9.0}}}},
        {"environments": {"Pendulum-v1": {"eval_env_kwargs": {"g": 9.0}}}},
        {"evaluation": {"metric": "regret"}},
        {"evaluation": {"episodes": 7}},
        {"evaluation": {"evaluations": 7}},
        {"evaluation": {"curve_episodes": 7}},
        {"evaluation": {"seed": 7}},
        {"gym_packages": ["json"]},
    ],
    ids=str,
)
def test_variants_that_differ_in_any_setting_are_different_jobs(change):
    assert settings_of(PENDULUM | NOISY | change) != settings_of(PENDULUM | NOISY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"variant": {}}, "study.yml, variant: no such key. Did you mean 'variants'?"),
        (NOISY, "study.yml, environments: at least one is needed"),
        (PENDULUM, "study.yml, variants: at least one is needed"),
        (PENDULUM | {"variants": []}, "study.yml, variants: a mapping is needed, this is []."),
        (PENDULUM | NOISY | {"seeds": 0}, "study.yml, seeds: at least 1 is needed, this is 0."),
        (PENDULUM | NOISY | {"seeds": True}, "study.yml, seeds: a whole number is needed, this is True."),
        (PENDULUM | NOISY | {"seeds": [1, 1]}, "study.yml, seeds: a seed appears twice in [1, 1]."),
        (PENDULUM | NOISY | {"seeds": [-1]}, "study.yml, seeds: whole numbers from 0"),
        (PENDULUM | NOISY | {"seeds": []}, "study.yml, seeds: whole numbers from 0"),
        (PENDULUM | NOISY | {"n_timesteps": "many"}, "study.yml, n_timesteps: a whole number is needed, this is 'many'."),
        (PENDULUM | NOISY | {"n_timesteps": 0}, "study.yml, n_timesteps: at least 1 is needed, this is 0."),
        (PENDULUM | NOISY | {"n_timesteps": float("inf")}, "study.yml, n_timesteps: a whole number is needed, this is inf."),
        (PENDULUM | NOISY | {"n_timesteps": float("nan")}, "study.yml, n_timesteps: a whole number is needed, this is nan."),
        (PENDULUM | NOISY | {"gym_packages": ["nowhere"]}, "study.yml, gym_packages: can't be imported: No module named 'nowhere'"),
        (PENDULUM | NOISY | {"gym_packages": "json"}, "study.yml, gym_packages: a list is needed, this is 'json'."),
        (PENDULUM | NOISY | {"evaluation": {"episods": 3}}, "study.yml, evaluation.episods: no such key. Did you mean 'episodes'?"),
        (PENDULUM | NOISY | {"evaluation": {"episodes": 0}}, "study.yml, evaluation.episodes: at least 1 is needed"),
        (
            PENDULUM | NOISY | {"evaluation": {"metric": "regrets"}},
            "study.yml, evaluation.metric: no metric 'regrets'. Did you mean 'regret'?",
        ),
        (PENDULUM | NOISY | {"evaluation": {"thresholds": ["low"]}}, "study.yml, evaluation.thresholds: a list of numbers is needed"),
        (
            NOISY | {"environments": {"Pendulm-v1": None}},
            "study.yml, environments.Pendulm-v1: no env 'Pendulm-v1'. Did you mean 'Pendulum-v1'?",
        ),
        (NOISY | {"environments": {"a": {"id": "Pendulm-v1"}}}, "study.yml, environments.a.id: no env 'Pendulm-v1'."),
        (NOISY | {"environments": {"Pendulum-v1": {"kwargs": {}}}}, "study.yml, environments.Pendulum-v1.kwargs: no such key."),
        (
            NOISY | {"environments": {"Pendulum-v1": {"env_kwargs": {"h": 1}}}},
            "study.yml, environments.Pendulum-v1.env_kwargs h:1: Pendulum-v1 ",
        ),
        (
            NOISY | {"environments": {"CartPole-v1": {"evaluation": {"metric": "regret"}}}},
            "study.yml, environments.CartPole-v1.evaluation.metric: the optimum of CartPole-v1 is unknown",
        ),
        (PENDULUM | {"variants": {"a": None}}, "study.yml, variants.a.algo: no algorithm ''."),
        (
            PENDULUM | {"variants": {"a": {"algo": "noisydq"}}},
            "study.yml, variants.a.algo: no algorithm 'noisydq'. Did you mean 'noisydqn'?",
        ),
        (
            PENDULUM | {"variants": {"a": {"algo": "noisydqn", "gama": 0.9}}},
            "study.yml, variants.a: NoisyDQN has no hyperparameter 'gama'. Did you mean",
        ),
        (PENDULUM | {"variants": {"a": {"algo": "noisydqn", "gamma": "high"}}}, "study.yml, variants.a: gamma: a number is needed"),
        (PENDULUM | {"variants": {"a": {"algo": "noisydqn", "gamma": 2}}}, "study.yml, variants.a: gamma=2: it has to be"),
        (PENDULUM | {"variants": {"a": {"algo": "noisydqn", "base": "ship"}}}, "study.yml, variants.a.base: no hyperparameters 'ship'."),
        (
            PENDULUM | {"variants": {"a": {"algo": "noisydqn", "base": "zoo"}}},
            "study.yml, variants.a.base: zoo: noisydqn has no hyperparameters in ",
        ),
        (
            PENDULUM | {"variants": {"a": {"algo": "ppo", "base": "shipped"}}},
            "study.yml, variants.a.base: shipped: ppo ships no hyperparameters.",
        ),
        (
            PENDULUM | {"variants": {"a": {"algo": "noisydqn", "environments": ["Pendulum"]}}},
            "study.yml, variants.a.environments: there is no 'Pendulum'. Did you mean 'Pendulum-v1'?",
        ),
    ],
)
def test_each_mistake_is_one_line_with_file_and_key(content, message):
    with pytest.raises(UserError) as raised:
        study_of(content)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: 1\nseeds: 2\n", ", line 2: not YAML: the key 'seeds' appears twice"),
        ("a: [", "line 1: not YAML"),
        ("- a\n", "a mapping with the keys of a study is needed"),
        (None, "no such file."),
    ],
)
def test_a_file_that_is_no_mapping_is_one_line(text, message, tmp_path):
    path = tmp_path / "study.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError) as raised:
        read_study(path)
    assert str(raised.value).startswith(str(path))
    assert message in str(raised.value)


def test_what_does_not_fit_together_shows_before_a_training():
    td3 = {"algo": "td3", "base": "none", "policy": "MlpPolicy", "n_timesteps": 100}
    study = study_of({"environments": {"CartPole-v1": None}, "variants": {"a": td3}})
    with pytest.raises(UserError, match=r"study.yml, variants.a: on CartPole-v1: .*Discrete"):
        make_benches(study.cases, "study.yml")


def test_modules_next_to_the_file_are_imported(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "env_of_mine.py").write_text(
        "import gymnasium as gym\ngym.register('Mine-v0', 'gymnasium.envs.classic_control:PendulumEnv', max_episode_steps=30)\n"
    )
    path = tmp_path / "study.yml"
    variant = "{algo: noisydqn, base: none, policy: MlpPolicy, n_timesteps: 9}"
    path.write_text(f"gym_packages: [env_of_mine]\nenvironments: {{Mine-v0: }}\nvariants:\n  a: {variant}\n")
    assert read_study(path).cases[0].settings["env"] == "Mine-v0"
