import pickle
import re
import sys

import optuna
import pandas as pd
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from rl_zoo3.utils import ALGOS, SimpleLinearSchedule
from sqlalchemy.exc import IntegrityError, OperationalError
from stable_baselines3.common.utils import ConstantSchedule

from ca2_rl import cli
from ca2_rl.common.minatar_cnn import MinAtarCNN
from ca2_rl.runs import read_run
from ca2_rl.zoo import studies
from ca2_rl.zoo.agents import load_agent, saved_hyperparams
from ca2_rl.zoo.plugins import register

KEYS = ("discretizeddqn", "noisydqn", "ouddpg")
SHORT = ("-n", 150, "--n-startup-trials", 1, "--n-evaluations", 1, "--eval-episodes", 1)
ENV = ("--env", "Pendulum-v1")


pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def call(tmp_path, quick, monkeypatch):
    """A command line in this process, in ``tmp_path``, with the quick hyperparameters."""
    monkeypatch.chdir(tmp_path)

    def run(command, *argv):
        own = [] if "--conf-file" in argv else ["--conf-file", str(quick)]
        monkeypatch.setattr(sys, "argv", ["ca2-rl", command, *map(str, argv), *own])
        cli.main()

    return run


@pytest.fixture
def trained_with(monkeypatch):
    """What each agent that is made from now on was constructed with, in order."""
    seen = []

    def record(algo):
        class Recorded(ALGOS[algo]):
            def __init__(self, *args, **kwargs):
                seen.append(kwargs)
                super().__init__(*args, **kwargs)

        monkeypatch.setitem(ALGOS, algo, Recorded)
        return seen

    return record


def plain(hyperparams):
    """Schedules as they would stand in a YAML file."""
    rate = hyperparams["learning_rate"]
    if isinstance(rate, SimpleLinearSchedule):
        return hyperparams | {"learning_rate": f"lin_{rate.initial_value}"}
    return hyperparams | ({"learning_rate": rate.val} if isinstance(rate, ConstantSchedule) else {})


def trials(storage, name="study"):
    backend = storage
    if storage.endswith(".log"):
        backend = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(storage))
    return optuna.load_study(study_name=name, storage=backend).trials


@pytest.mark.parametrize("algo", KEYS)
def test_a_study_trains_with_what_its_trials_are_converted_to(algo, call, trained_with, tmp_path, capsys):
    """So that a replay of a trial trains the same agent."""
    seen = trained_with(algo)
    call("optimize", "--algo", algo, *ENV, *SHORT, "--n-trials", 2, "--storage", "sqlite:///a.db", "--study-name", "study")
    found = trials(f"sqlite:///{tmp_path}/a.db")
    assert [trial.state.is_finished() for trial in found] == [True, True]
    for trial, arguments in zip(found, seen, strict=True):
        assert trial.intermediate_values  # evaluated
        assert plain(arguments) == plain(arguments) | register()[algo].converter(trial.params)

    (report,) = (tmp_path / "logs" / algo).glob("*.csv")
    assert len(pd.read_csv(report)) == 2
    assert [path.suffix for path in sorted((tmp_path / "logs" / algo).iterdir())] == [".csv", ".pkl"]  # and no run folder
    with report.with_suffix(".pkl").open("rb") as file:
        assert len(pickle.load(file).trials) == 2
    printed = capsys.readouterr()
    assert "\nTrial 0: " in printed.out
    assert "\nBest trial: " in printed.out
    assert "\n  gamma: " in printed.out
    assert "one_minus_gamma" not in printed.out + printed.err  # which is Optuna's, not a hyperparameter


def test_trials_are_replayed_by_number_or_the_best_without_one(call, tmp_path):
    algo, argv = "discretizeddqn", ("--storage", "study.log", "--study-name", "study")
    call("optimize", "--algo", algo, *ENV, *SHORT, "--n-trials", 2, "--pruner", "none", *argv)
    found = trials("study.log")
    best = max(found, key=lambda trial: trial.value).number
    for trial_id in (0, 1, None):
        which = () if trial_id is None else ("--trial-id", trial_id)
        call("train", "--algo", algo, *ENV, "-n", 120, "--eval-freq", -1, "--final-episodes", 0, *argv, *which, "-f", f"replay-{trial_id}")
        run = read_run(tmp_path / f"replay-{trial_id}" / algo / "Pendulum-v1_1")
        saved = saved_hyperparams(run.params_folder)
        trial = found[best if trial_id is None else trial_id]
        assert saved == saved | register()[algo].converter(trial.params)
        assert saved["learning_starts"] == 100  # from the file: not searched
        assert load_agent(algo, run.model_path).n_bins == trial.params["n_bins"]


def test_the_command_line_wins_over_a_replayed_trial(call, tmp_path):
    study = ("--storage", "study.log", "--study-name", "study")
    call("optimize", "--algo", "ouddpg", *ENV, *SHORT, "--n-trials", 1, "--pruner", "none", *study)
    call(
        "train",
        "--algo",
        "ouddpg",
        *ENV,
        "-n",
        120,
        "--eval-freq",
        -1,
        "--final-episodes",
        0,
        *study,
        "--trial-id",
        0,
        "-params",
        "gamma:0.5",
    )
    assert saved_hyperparams(tmp_path / "logs" / "ouddpg" / "Pendulum-v1_1" / "Pendulum-v1")["gamma"] == 0.5


IMAGES = """\
MinAtar/Breakout-v1:
  policy: MlpPolicy
  n_timesteps: 120
  learning_starts: 50
  buffer_size: 100
  train_freq: 4
  exploration_fraction: 0.5
  sigma0: 0.0
  policy_kwargs: {features_extractor_class: MinAtarCNN, net_arch: []}
"""


def test_what_is_found_is_a_file_that_trains_the_same(call, trained_with, tmp_path, capsys):
    """Rainbow's settings explore by epsilon, but a trial may draw noise; the network is a CNN, but a trial draws its width."""
    seen = trained_with("rainbow")
    (tmp_path / "images.yml").write_text(IMAGES)
    env, budget = ("--algo", "rainbow", "--env", "MinAtar/Breakout-v1"), ("--n-evaluations", 1, "--eval-episodes", 1)
    call("optimize", *env, *budget, "--n-trials", 4, "--pruner", "none", "--seed", 0, "--conf-file", "images.yml")
    printed = capsys.readouterr().out
    assert {arguments["sigma0"] > 0 for arguments in seen} == {True, False}
    assert all(arguments["policy_kwargs"]["features_extractor_class"] is MinAtarCNN for arguments in seen)
    (tmp_path / "best.yml").write_text(printed.partition("--conf-file:\n\n")[2])
    call("train", *env, "--eval-freq", -1, "--final-episodes", 0, "--conf-file", "best.yml")
    best, again = seen[int(re.search(r"Best trial: (\d)", printed)[1])], seen[4]
    free = ("env", "seed", "verbose", "tensorboard_log", "learning_rate")
    assert {name: value for name, value in again.items() if name not in free} == {n: v for n, v in best.items() if n not in free}
    assert plain(again)["learning_rate"] == plain(best)["learning_rate"]


def test_a_search_that_cannot_be_meant_says_so_in_one_line(ca2_rl, quick, tmp_path):
    (tmp_path / "wide.py").write_text(WIDE)
    argv = ("optimize", "--algo", "discretizeddqn", "--env", "wide:Wide-v0", *SHORT, "--n-trials", 1, "--conf-file", quick)
    failed = ca2_rl(*argv, code=2)
    assert failed.stderr == "ca2-rl: a grid of 17 dimensions has over 4,096 actions: add -params branching:True.\n"
    found = ca2_rl(*argv, "-params", "branching:True")
    assert "branching: true" in found.stdout
    assert "n_bins: " in found.stdout


WIDE = """
import gymnasium as gym
import numpy as np

class Wide(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (2,))
    action_space = gym.spaces.Box(-1, 1, (17,))

    def reset(self, *, seed=None, options=None):
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), float(action.sum()), False, False, {}

gym.register("Wide-v0", Wide, max_episode_steps=20)
"""


def test_the_defaults_of_optimize_are_fewer_trials_and_no_plots(call, monkeypatch):
    class Stop(BaseException):
        pass

    def stop(args, *_):
        raise Stop(args.no_optim_plots, args.n_trials, args.n_evaluations)

    monkeypatch.setattr("ca2_rl.commands.train.Manager", stop)
    with pytest.raises(Stop) as stopped:
        call("optimize", "--algo", "noisydqn", *ENV)
    assert stopped.value.args == (True, 50, 4)


@pytest.mark.parametrize("storage", ["sqlite:///shared.db", pytest.param("shared.log", marks=pytest.mark.slow)])
def test_processes_share_a_study(storage, ca2_rl, quick, tmp_path):
    argv = ("optimize", "--algo", "discretizeddqn", *ENV, *SHORT, "--conf-file", quick, "--storage", storage, "--study-name", "study")
    processes = [ca2_rl.start(*argv, "--n-trials", 1, "--seed", seed) for seed in (0, 1)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    found = trials(storage.replace("shared", f"{tmp_path}/shared"))
    assert sorted(trial.number for trial in found) == [0, 1]
    assert {trial.state for trial in found} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert len({trial.params["learning_rate"] for trial in found}) == 2


def test_a_database_that_others_are_making_is_waited_for(tmp_path, monkeypatch):
    """Two processes that start at once: one of them fails between two tables, Optuna's own handling of it is to raise."""
    failures = [IntegrityError("", None, Exception("UNIQUE constraint failed")), OperationalError("", None, Exception("table exists"))]

    class Racing(RDBStorage):
        def __init__(self, url):
            if failures:
                raise failures.pop()
            super().__init__(url)

    monkeypatch.setattr(studies, "RDBStorage", Racing)
    studies.prepare(f"sqlite:///{tmp_path}/study.db")
    assert not failures
    assert (tmp_path / "study.db").exists()


def test_the_help_of_a_search_leaves_out_what_only_a_training_has(call, capsys):
    helps = []
    for command in ("train", "optimize"):
        with pytest.raises(SystemExit):
            call(command, "--help")
        helps.append(capsys.readouterr().out)
    for option in ("--final-episodes", "--save-freq", "--wandb-group"):
        assert option in helps[0]
        assert option not in helps[1]
    assert "--n-trials" in helps[1]
