"""``ca2-rl`` with malformed files."""

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ca2_rl import cli

pytestmark = pytest.mark.slow
QUIETLY = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], print_blob=True
)

STUDY = """\
title: Two agents
seeds: [1, 2]
n_timesteps: 200
evaluation: {metric: return, episodes: 2, thresholds: [15]}
environments:
  CartPole-v1: {env_kwargs: {sutton_barto_reward: true}}
  Pendulum-v1: {n_timesteps: 300, evaluation: {metric: regret}}
variants:
  ours: {algo: discretizeddqn, gamma: 0.9, policy_kwargs: {net_arch: [16]}}
  theirs: {algo: sac, base: none, policy: MlpPolicy, environments: [Pendulum-v1], seeds: 1}
"""
SETTINGS = """\
CartPole-v1:
  n_timesteps: 60
  policy: MlpPolicy
  learning_rate: lin_1.0e-3
  learning_starts: 30
  batch_size: 8
  buffer_size: 100
  train_freq: 4
  gamma: 0.98
  tau: 0.5
  n_steps: 2
  double_q: true
  compile: false
  exploration_fraction: 0.1
  policy_kwargs: {net_arch: [8], activation_fn: nn.ReLU}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short training."""
    folder = tmp_path_factory.mktemp("valid")
    (folder / "settings.yml").write_text(SETTINGS)
    argv = ["train", "--algo", "discretizeddqn", "--env", "CartPole-v1", "--conf-file", str(folder / "settings.yml"), "--seed", "0"]
    cli.COMMAND.run([*argv, "-f", str(folder), "--eval-freq", "30", "--final-episodes", "0", "-q"])
    return folder / "discretizeddqn" / "CartPole-v1_1"


@settings(QUIETLY, max_examples=250)
@given(data=st.data())
def test_a_study(data, study_survives):
    study_survives(data.draw, cli.main, STUDY)


@settings(QUIETLY, max_examples=120)
@given(data=st.data())
def test_hyperparameters(data, make_malformed, survives, tmp_path):
    valid, path, logs = tmp_path / "valid.yml", tmp_path / "settings.yml", tmp_path / "logs"
    valid.write_text(SETTINGS)
    path.write_bytes(make_malformed(data.draw, tmp_path / "canary").of(valid))
    shutil.rmtree(logs, ignore_errors=True)
    argv = ["train", "--algo", "discretizeddqn", "--env", "CartPole-v1", "--conf-file", str(path), "-n", "60", "-f", str(logs)]
    survives(cli.main, [*argv, "--eval-freq", "-1", "--final-episodes", "0", "-q"], tmp_path / "canary", logs)


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("CartPole-v1/args.yml", ["evaluate", "RUN", "--episodes", "1"]),
        ("CartPole-v1/config.yml", ["evaluate", "RUN", "--episodes", "1"]),
        ("CartPole-v1.zip", ["evaluate", "RUN", "--episodes", "1"]),
        ("progress.csv", ["plot", "RUN", "--out", "OUT"]),
        ("0.monitor.csv", ["plot", "RUN", "--out", "OUT"]),
        ("evaluations.npz", ["plot", "RUN", "--out", "OUT"]),
    ],
)
@settings(QUIETLY, max_examples=100)
@given(data=st.data())
def test_a_run(name, argv, data, run, make_malformed, survives, tmp_path):
    copy, out = tmp_path / "discretizeddqn" / "CartPole-v1_1", tmp_path / "out.png"
    shutil.rmtree(copy, ignore_errors=True)
    out.unlink(missing_ok=True)
    shutil.copytree(run, copy)
    (copy / name).write_bytes(make_malformed(data.draw, tmp_path / "canary").of(run / name))
    words = {"RUN": str(copy), "OUT": str(out)}
    survives(cli.main, [words.get(word, word) for word in argv], tmp_path / "canary", out)
