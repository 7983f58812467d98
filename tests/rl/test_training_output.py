"""What ``ca2-rl train`` prints."""

import csv
import os
import pty
import re
import shlex
import subprocess
import sys
import termios
from contextlib import suppress

import gymnasium as gym
import numpy as np
import pytest
import yaml

from ca2_rl import cli, environments
from ca2_rl.commands import closing
from ca2_rl.evaluate import evaluate
from ca2_rl.optimum import PendulumOptimum
from ca2_rl.runs import read_run
from ca2_rl.zoo import printing

pytestmark = pytest.mark.usefixtures("registered")

SETTINGS = {"policy": "MlpPolicy", "learning_starts": 100, "batch_size": 32, "train_freq": 1, "policy_kwargs": {"net_arch": [16]}}
PENDULUM = ("--algo", "noisydqn", "--env", "Pendulum-v1")


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """A command line in this process, in a folder of its own; what it printed on stdout."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick.yml").write_text(yaml.safe_dump({"default": SETTINGS | {"n_timesteps": 400}}))

    def call(*argv):
        monkeypatch.setattr(sys, "argv", ["ca2-rl", *map(str, argv)])
        cli.main()
        return capsys.readouterr().out

    return call


@pytest.fixture
def train(call):
    return lambda *argv: call("train", "--conf-file", "quick.yml", "--seed", 3, "--eval-episodes", 2, *argv)


def logged_returns(folder):
    with (folder / "progress.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["rollout/ep_rew_mean"]]


def test_a_training_prints_a_line_for_each_evaluation(train, tmp_path):
    env = ("--env-kwargs", "max_episode_steps:25", "--eval-env-kwargs", "g:9.81")
    lines = train(*PENDULUM, *env, "--eval-freq", 150, "--final-episodes", 0, "-params", "gamma:0.9").splitlines()
    assert lines[:2] == [
        "noisydqn on Pendulum-v1 (max_episode_steps=25), seed 3: 400 steps in logs/noisydqn/Pendulum-v1_1",
        "hyperparameters: quick.yml, entry 'default', and gamma=0.9",
    ]
    number = r"-?\d+\.\d"
    line = rf"Step {{}}: return {number}, std {number} \(200 steps\); in training {number} \(25 steps\); \d+ s{{}}"
    assert re.fullmatch(line.format(150, ", new best"), lines[2])
    assert re.fullmatch(line.format(300, "(, new best)?"), lines[3])
    assert lines[4:] == [
        "Saved to logs/noisydqn/Pendulum-v1_1",
        "Next:",
        "  ca2-rl enjoy --algo noisydqn --env Pendulum-v1 -f logs --exp-id 1",
        "  ca2-rl evaluate logs/noisydqn/Pendulum-v1_1",
        "  ca2-rl plot logs/noisydqn/Pendulum-v1_1",
    ]
    rows = logged_returns(tmp_path / "logs" / "noisydqn" / "Pendulum-v1_1")
    assert [int(row["time/total_timesteps"]) for row in rows] == [100, 200, 300, 400]  # SB3's interval: four episodes


@pytest.mark.parametrize("option", [("--quiet",), ("--verbose", 0)], ids=["quiet", "as in the zoo"])
def test_quiet_leaves_the_last_lines(option, train):
    saved, evaluated = train(*PENDULUM, *option, "--final-episodes", 2).splitlines()
    assert saved == "Saved to logs/noisydqn/Pendulum-v1_1"
    assert evaluated.startswith("Last model over 2 new episodes of 200 steps: return -")


@pytest.mark.parametrize("option", [("--verbose",), ("--verbose", 1), ("--verbose", 2)], ids=["plain", "1", "2"])
def test_verbose_prints_what_sb3_and_the_zoo_do(option, train):
    out = train(*PENDULUM, *option, "--final-episodes", 0, "--log-interval", 1)
    assert all(words in out for words in ("Loading hyperparameters from: quick.yml", "Using cpu device", "Eval num_timesteps=40,"))
    assert out.count("ep_rew_mean") == 2  # the table of each episode


def test_what_a_training_prints_is_not_part_of_its_run(train, call):
    train(*PENDULUM, "--verbose", "--final-episodes", 0, "-n", 210)
    lines = call("train", "--resume", "logs/noisydqn/Pendulum-v1_1", "-n", 230).splitlines()
    assert lines[2] == "Resuming at step 210 of 230"
    assert len(lines) <= 3 + 10 + 5


def test_the_last_model_is_evaluated_as_evaluate_does(train, tmp_path, monkeypatch):
    small = {"grid": (60, 61), "torques": (-2.0, 0.0, 2.0)}
    monkeypatch.setattr("ca2_rl.optimum.envs.PendulumOptimum", lambda *args, **kwargs: PendulumOptimum(*args, **kwargs, **small))
    line = train(*PENDULUM, "--eval-freq", -1, "--final-episodes", 12).splitlines()[3]
    found = evaluate(read_run(tmp_path / "logs" / "noisydqn" / "Pendulum-v1_1"), 12, closing.SEED)
    mean, std = found.returns.mean(), found.returns.std()
    assert line.startswith(f"Last model over 12 new episodes of 200 steps: return {mean:.1f}, std {std:.1f}, IQM ")
    assert "regret" not in line  # the optimum was not at hand; by now it is
    line = train(*PENDULUM, "--eval-freq", -1, "--final-episodes", 12).splitlines()[3]
    assert line.endswith(f", regret {found.regrets.mean():.1f}")


def toy_text(name):
    return next(env_id for env_id in sorted(gym.registry, reverse=True) if env_id.startswith(f"{name}-v"))


def test_a_policy_that_goes_in_circles_is_evaluated(train, call, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(environments, "EVALUATION_STEPS", 30)
    lines = train("--algo", "dqn", "--env", toy_text("CliffWalking"), "-n", 200, "--final-episodes", 3).splitlines()
    assert any(line.startswith("Last model over 3 new episodes of 30 steps: return -") for line in lines)
    run = next(tmp_path.glob("logs/dqn/CliffWalking*"))
    with np.load(run / "evaluations.npz") as evaluations:
        assert (evaluations["ep_lengths"] == 30).all()
    assert "CliffWalking" in call("evaluate", run, "--episodes", 3)


def test_a_masked_agent_is_evaluated_with_its_masks(train, call, tmp_path):
    """In Taxi, what is not allowed costs 10, all else 1 for each of 200 steps."""
    train("--algo", "rainbow", "--env", toy_text("Taxi"), "-n", 300, "--final-episodes", 3, "-params", "action_masks:true")
    run = next(tmp_path.glob("logs/rainbow/Taxi*"))
    with np.load(run / "evaluations.npz") as evaluations:
        assert (evaluations["results"] >= -200).all()
    assert (evaluate(read_run(run), 3).returns >= -200).all()
    said = call("enjoy", "--algo", "rainbow", "--env", toy_text("Taxi"), "--no-render", "-n", 200)
    assert float(re.search(r"Mean reward: (\S+)", said)[1]) >= -200


class TestTimeOfTheFinalEvaluation:
    @pytest.fixture
    def run(self, trained):
        return read_run(trained / "noisydqn" / "Pendulum-v1_1")

    def test_one_episode_that_takes_too_long_is_not_played(self, run):
        text = closing.final_evaluation(run, 100, 2.0, (), trust=False)
        assert text == "Last model: not evaluated, because one episode may take 100 s."

    def test_fewer_episodes_are_played_if_all_would_take_too_long(self, run, monkeypatch):
        times = iter([0.0, 20.0])  # the first ten take that many seconds
        monkeypatch.setattr("time.perf_counter", lambda: next(times))
        text = closing.final_evaluation(run, 100, 1_000.0, (), trust=False)
        assert text.startswith("Last model over 15 new episodes of 200 steps (100 would take 200 s): return ")

    def test_an_env_without_a_limit_of_steps_is_not_played(self, run, monkeypatch):
        monkeypatch.setattr(closing, "_episode_steps", lambda run: None)
        assert "not evaluated" in closing.final_evaluation(run, 100, 1_000.0, (), trust=False)


def test_the_next_commands_work_as_they_are_printed(train, call):
    lines = train("--algo", "dqn", "--env", "CartPole-v1", "--eval-freq", -1).splitlines()
    commands = [shlex.split(line)[1:] for line in lines[lines.index("Next:") + 1 :]]
    assert [command[0] for command in commands] == ["enjoy", "evaluate", "plot"]
    for command in commands:
        assert call(*command)


def test_a_table_is_printed_once_a_minute(monkeypatch, capsys):
    now = 1_000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    table = printing.TableEveryMinute()
    for seconds in range(0, 200, 10):
        now = 1_000.0 + seconds
        table.write({"time/fps": 1, "time/at": seconds}, {"time/fps": None, "time/at": None})
        table.write({"eval/mean_reward": 1.0}, {"eval/mean_reward": None})
    out = capsys.readouterr().out
    assert [int(number) for number in re.findall(r"at +\| (\d+)", out)] == [60, 120, 180]
    assert "mean_reward" not in out


@pytest.mark.slow
def test_a_bar_is_shown_on_a_terminal_and_leaves_nothing(tmp_path):
    (tmp_path / "quick.yml").write_text(yaml.safe_dump({"default": SETTINGS | {"n_timesteps": 400}}))
    argv = [sys.executable, "-m", "ca2_rl", "train", *PENDULUM, "--conf-file", "quick.yml", "--eval-episodes", "1", "--final-episodes", "0"]
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 100))
    process = subprocess.Popen(argv, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    with suppress(OSError):  # the other end is closed
        while part := os.read(ours, 65_536):
            output += part
    assert process.wait() == 0
    text = output.decode()
    assert "/400 [" in text
    left = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    assert not any("/400 [" in line for line in left)
    assert len([line for line in left if line.startswith("Step")]) == np.ceil(400 / 40)
