"""``ca2-rl train``, stopped and gone on with, and ``ca2-rl verify``."""

import csv
import errno
import os
import shutil
import signal
import sys

import numpy as np
import pytest
import torch as th
import yaml
from stable_baselines3.common.monitor import load_results

from ca2_rl import cli
from ca2_rl.runs import read_run
from ca2_rl.state import callback, files, hashes
from ca2_rl.zoo.agents import load_agent

pytestmark = pytest.mark.usefixtures("registered")
RUN = "logs/noisydqn/Pendulum-v1_1"


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """A command line in this process; its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def run(*argv):
        monkeypatch.setattr(sys, "argv", ["ca2-rl", *map(str, argv)])
        code = 0
        try:
            cli.main()
        except SystemExit as error:
            code = error.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture(autouse=True)
def _short_chain(monkeypatch):
    monkeypatch.setattr(hashes, "EVERY", 100)


@pytest.fixture
def train(call, tmp_path, quick):
    """Trains NoisyDQN on Pendulum for 600 steps in a log folder; events such as ``{250: "SIGINT"}`` come at their steps."""
    (tmp_path / "events.py").write_text(
        "import os, signal\n"
        "from stable_baselines3.common.callbacks import BaseCallback\n"
        "class Events(BaseCallback):\n"
        "    def _on_step(self):\n"
        "        for event in os.environ.get('EVENTS', '').split():\n"
        "            step, _, name = event.partition(':')\n"
        "            if self.num_timesteps == int(step):\n"
        "                if name == 'crash':\n"
        "                    raise SystemError('killed')\n"
        "                os.kill(os.getpid(), getattr(signal, name))\n"
        "        return True\n"
    )
    settings = yaml.safe_load(quick.read_text())["default"] | {"callback": "events.Events"}
    (tmp_path / "events.yml").write_text(yaml.safe_dump({"default": settings}))
    often = ("--eval-freq", 100, "--eval-episodes", 1, "--final-episodes", 0, "--log-interval", 1, "--save-freq", -1)

    def run(*argv, algo="noisydqn", env="Pendulum-v1", steps=600, folder="logs"):
        return call(
            "train", "--algo", algo, "--env", env, "--conf-file", "events.yml", "-n", steps, "--seed", 2, "-f", folder, *often, *argv
        )

    return run


def weights(run):
    found = read_run(run)
    return load_agent(found.algo, found.model_path).policy.state_dict()


def rows(path):
    """Of a CSV file without what depends on the clock."""
    with path.open(newline="") as file:
        return [
            {
                name: value
                for name, value in row.items()
                if name in ("time/total_timesteps", "time/episodes") or not name.startswith("time/")
            }
            for row in csv.DictReader(file)
        ]


def assert_same(run, other):
    mine, its = weights(run), weights(other)
    assert all(th.equal(mine[name], its[name]) for name in its)
    assert (run / "hashes.csv").read_bytes() == (other / "hashes.csv").read_bytes()
    assert rows(run / "progress.csv") == rows(other / "progress.csv")
    for column in ("r", "l"):
        assert load_results(str(run))[column].tolist() == load_results(str(other))[column].tolist()
    with np.load(run / "evaluations.npz") as one, np.load(other / "evaluations.npz") as two:
        assert one.files == two.files
        assert all(np.array_equal(one[name], two[name]) for name in one.files)
    assert not (run / "states").exists()
    assert [path.name for path in run.rglob(".*")] == []


@pytest.mark.parametrize(
    ("algo", "name"),
    [
        ("noisydqn", "SIGTERM"),
        ("ppo", "SIGINT"),
        *(
            pytest.param(algo, "SIGINT", marks=pytest.mark.slow)
            for algo in ("noisydqn", "discretizeddqn", "ouddpg", "dqn", "td3", "sac", "ddpg", "qrdqn", "tqc")
        ),
    ],
)
def test_a_stopped_training_ends_in_the_same_run(algo, name, train, call, tmp_path, monkeypatch):
    env = "CartPole-v1" if algo in ("dqn", "qrdqn", "ppo") else "Pendulum-v1"
    options = {"algo": algo, "env": env, "steps": 400}
    if algo == "ppo":
        (tmp_path / "events.yml").write_text(
            yaml.safe_dump(
                {"default": {"policy": "MlpPolicy", "n_timesteps": 600, "n_steps": 64, "n_envs": 2, "callback": "events.Events"}}
            )
        )
    assert train(folder="whole", **options)[0] == 0
    monkeypatch.setenv("EVENTS", f"250:{name}")
    code, out, err = train(**options)
    assert (code, err) == (130, "")
    assert "ca2-rl train --resume logs/" in out
    monkeypatch.delenv("EVENTS")
    run = f"logs/{algo}/{env}_1"
    code, out, _ = call("train", "--resume", run, "--trust")
    assert code == 0
    assert "Resuming at step 25" in out
    assert_same(tmp_path / run, tmp_path / "whole" / algo / f"{env}_1")


def test_a_killed_training_ends_in_the_same_run(killed, quick, call, tmp_path, monkeypatch):
    monkeypatch.setattr(hashes, "EVERY", 1_000)
    run = tmp_path / RUN
    shutil.copytree(killed, run)
    steps = sorted(callback.states(run / "states"))
    assert len(steps) == 2  # the older ones are gone
    assert call("train", "--resume", run)[0] == 0
    often = ("--eval-freq", 100, "--eval-episodes", 1, "--final-episodes", 0, "--log-interval", 1)
    argv = ("train", "--algo", "noisydqn", "--env", "Pendulum-v1", "--seed", 0, "-n", 2000, "--conf-file", quick)
    assert call(*argv, *often, "-f", "whole")[0] == 0
    assert_same(run, tmp_path / "whole/noisydqn/Pendulum-v1_1")


def test_a_damaged_state_is_passed_over_with_a_line(killed, call, tmp_path, caplog):
    run = tmp_path / RUN
    shutil.copytree(killed, run)
    older, newer = sorted(callback.states(run / "states"))
    arrays = run / "states" / str(newer) / "arrays.npz"
    arrays.write_bytes(arrays.read_bytes()[:-100])
    code, out, _ = call("train", "--resume", run, "-n", newer + 20)
    assert code == 0
    assert f"states/{newer}: damaged (" in caplog.text
    assert f"Resuming from step {older:,}." in caplog.text
    assert f"Resuming at step {older:,} of " in out


def test_a_full_disk_is_one_line_and_leaves_the_older_state(train, call, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_to_disk", fails_from_the(3, files._to_disk))  # each state has two files
    code, _, err = train("--save-every", 1e-9)
    assert (code, err.count("\n")) == (2, 1)
    assert "can't write the training's state: No space left on device. Free some space and resume from the last one" in err
    assert [path.name for path in (tmp_path / RUN / "states").iterdir()] == ["0"]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert call("train", "--resume", RUN, "--trust", "--save-every", 5)[0] == 0


def fails_from_the(number, function):
    calls = iter(range(1, 10**9))

    def call(file):
        if next(calls) >= number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        function(file)

    return call


class TestLargeBuffer:
    @pytest.fixture(autouse=True)
    def _all_are_large(self, monkeypatch):
        monkeypatch.setattr(callback, "LARGE", 1000)

    def crashed(self, train, monkeypatch, *argv):
        monkeypatch.setenv("EVENTS", "350:crash")
        assert train("--save-every", 0.0005, *argv)[0] == 1
        monkeypatch.delenv("EVENTS")

    def test_after_a_crash_resume_says_that_the_buffer_is_lost(self, train, call, tmp_path, monkeypatch, caplog):
        self.crashed(train, monkeypatch)
        with caplog.at_level("INFO", "ca2_rl"):
            assert call("train", "--resume", RUN, "--trust", "--save-every", 5)[0] == 0
        assert "has no replay buffer" in caplog.text
        assert "the results will differ from those of an uninterrupted training" in caplog.text
        assert not (tmp_path / RUN / "hashes.csv").exists()  # nobody can verify it
        code, _, err = call("verify", RUN, "--trust")
        assert (code, err.count("\n")) == (2, 1)
        assert "without their whole state" in err

    def test_save_buffer_keeps_it(self, train, call, tmp_path, monkeypatch, caplog):
        train(folder="whole")
        self.crashed(train, monkeypatch, "--save-buffer")
        with caplog.at_level("INFO", "ca2_rl"):
            assert call("train", "--resume", RUN, "--trust", "--save-every", 5)[0] == 0
        assert "replay buffer" not in caplog.text
        assert_same(tmp_path / RUN, tmp_path / "whole/noisydqn/Pendulum-v1_1")

    def test_a_stop_keeps_it(self, train, call, tmp_path, monkeypatch):
        train(folder="whole")
        monkeypatch.setenv("EVENTS", "250:SIGINT")
        train()
        monkeypatch.delenv("EVENTS")
        assert call("train", "--resume", RUN, "--trust")[0] == 0
        assert_same(tmp_path / RUN, tmp_path / "whole/noisydqn/Pendulum-v1_1")


def test_a_checkpoint_is_gone_on_with_and_what_is_lost_is_said(train, call, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("EVENTS", "350:crash")
    train("--save-freq", 200)
    monkeypatch.delenv("EVENTS")
    with caplog.at_level("INFO", "ca2_rl"):
        code, out, _ = call("train", "--resume", RUN, "--trust")
    assert code == 0
    assert "Resuming from rl_model_200_steps.zip, because there is no whole state. Lost are the replay buffer, the episode" in caplog.text
    assert "Resuming at step 200 of 600" in out
    assert load_agent("noisydqn", tmp_path / RUN / "Pendulum-v1.zip").num_timesteps == 600
    assert not (tmp_path / RUN / "hashes.csv").exists()


def test_a_run_without_a_state_begins_anew(train, call, tmp_path, monkeypatch):
    train(folder="whole")
    monkeypatch.setenv("EVENTS", "350:crash")
    train()
    monkeypatch.delenv("EVENTS")
    assert call("train", "--resume", RUN, "--trust")[0] == 0
    assert_same(tmp_path / RUN, tmp_path / "whole/noisydqn/Pendulum-v1_1")


def test_a_stop_at_the_last_step_is_the_end(train, tmp_path, monkeypatch):
    monkeypatch.setenv("EVENTS", "300:SIGINT")
    code, out, _ = train("--save-every", 0.001, steps=300)
    assert code == 0
    assert "Stopped" not in out
    assert not (tmp_path / RUN / "states").exists()


def test_settings_that_do_not_fit_leave_the_run_as_it_was(train, call, tmp_path, monkeypatch):
    monkeypatch.setenv("EVENTS", "250:SIGINT")
    train()
    monkeypatch.delenv("EVENTS")
    config = tmp_path / RUN / "Pendulum-v1" / "config.yml"
    before = config.read_text()
    code, _, err = call("train", "--resume", RUN, "--trust", "-params", "policy_kwargs:dict(net_arch=[8])")
    assert (code, err.count("\n")) == (2, 1)
    assert "does not fit these settings" in err
    assert config.read_text() == before
    assert call("train", "--resume", RUN, "--trust")[0] == 0


def test_other_settings_end_the_chain(train, call, tmp_path, monkeypatch):
    monkeypatch.setenv("EVENTS", "250:SIGINT")
    train()
    monkeypatch.delenv("EVENTS")
    assert call("train", "--resume", RUN, "--trust", "-n", 700)[0] == 0
    assert not (tmp_path / RUN / "hashes.csv").exists()


class TestVerify:
    def test_a_run_is_the_same(self, train, call, tmp_path, monkeypatch):
        monkeypatch.setenv("EVENTS", "250:SIGINT")
        train()
        monkeypatch.delenv("EVENTS")
        call("train", "--resume", RUN, "--trust")
        before = {path: path.read_bytes() for path in (tmp_path / RUN).rglob("*") if path.is_file()}
        code, out, err = call("verify", RUN, "--trust")
        assert (code, err) == (0, "")
        assert out.endswith("Identical: losses and weights at all 6 stored steps, up to 600.\n")
        assert {path: path.read_bytes() for path in (tmp_path / RUN).rglob("*") if path.is_file()} == before

    def test_the_first_difference_is_named(self, train, call, tmp_path):
        train()
        path = tmp_path / RUN / "hashes.csv"
        links = path.read_text().splitlines()
        steps, losses, _, chain = links[3].split(",")
        links[3] = ",".join([steps, losses, "0" * 16, chain])
        path.write_text("\n".join(links) + "\n")
        code, out, err = call("verify", RUN, "--trust")
        assert (code, err) == (1, "")
        assert out.endswith("Different: weights at step 300; identical up to step 200.\n")

    def test_another_seed_differs_from_the_beginning(self, train, call, tmp_path):
        train()
        path = tmp_path / RUN / "Pendulum-v1" / "args.yml"
        path.write_text(yaml.dump(dict(yaml.unsafe_load(path.read_text())) | {"seed": 3}))
        code, out, _ = call("verify", RUN, "--trust")
        assert code == 1
        assert out.endswith("at step 100; identical up to step 0.\n")

    def test_a_run_of_an_older_version_has_no_hashes(self, train, call, tmp_path):
        train(steps=120)
        (tmp_path / RUN / "hashes.csv").unlink()
        code, _, err = call("verify", RUN, "--trust")
        assert (code, err.count("\n")) == (2, 1)
        assert "There are no hashes of trainings of version 0.1.0" in err

    def test_a_run_that_has_just_begun_has_none_yet(self, train, call, tmp_path):
        train(steps=120)
        (tmp_path / RUN / "hashes.csv").write_text("steps,losses,weights,chain\n")
        assert "no hashes yet; the first is stored after" in call("verify", RUN, "--trust")[2]

    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
    def test_ctrl_c_ends_it_at_once(self, name, train, call, monkeypatch):
        train()
        monkeypatch.setenv("EVENTS", f"150:{name}")
        code, out, err = call("verify", RUN, "--trust")
        assert (code, err) == (130, "")
        assert "The same" not in out
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
