"""``ca2-rl play``: what it serves, and what it refuses in one line."""

import json
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from urllib.request import urlopen

import pytest

from ca2_rl.cli import COMMAND
from ca2_rl.play import pages
from ca2_rl.zoo.plugins import TRAINED_AGENTS


@pytest.fixture
def run_folder(tmp_path):
    """A copy of a run that is shipped."""
    folder = tmp_path / "noisydqn" / "Pendulum-v1_7"
    shutil.copytree(TRAINED_AGENTS / "noisydqn" / "Pendulum-v1_1", folder)
    return folder


def refuse(capsys, *argv):
    """The line that a wrong command line prints."""
    with pytest.raises(SystemExit) as exit_info:
        COMMAND.main(["play", "--no-browser", *map(str, argv)])
    assert exit_info.value.code == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    return printed


def test_a_run_is_served_beside_the_agents_that_are_shipped(run_folder):
    found = pages([run_folder])
    agents = json.loads(found["/agents.json"])
    assert [agent["label"] for agent in agents] == ["noisydqn/Pendulum-v1_7", "DiscretizedDQN", "NoisyDQN", "OUDDPG", "Rainbow"]
    assert found["/agents/agent0.bin"] == found["/agents/noisydqn.bin"]
    assert {"/", "/pendulum.html", "/core/program.js", "/core/style.css", "/lessons.json"} <= found.keys()


def test_what_is_no_run_of_the_pendulum_is_refused(run_folder, tmp_path, capsys):
    assert "no such folder" in refuse(capsys, tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "contains no run of `ca2-rl train`" in refuse(capsys, tmp_path / "empty")
    args = run_folder / "Pendulum-v1" / "args.yml"
    text = args.read_text()
    args.write_text(text.replace("- Pendulum-v1", "- CartPole-v1"))
    assert "an agent for CartPole-v1; the playground shows only Pendulum-v1" in refuse(capsys, run_folder)
    args.write_text(text.replace("- noisydqn", "- ouddpg"))
    assert "Pendulum-v1.zip" in refuse(capsys, run_folder)


def test_damaged_agents_are_refused(run_folder, capsys):
    model = run_folder / "Pendulum-v1.zip"
    whole = model.read_bytes()
    model.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refuse(capsys, run_folder)
    with zipfile.ZipFile(model, "w") as archive:
        archive.writestr("data", "{}")
    assert "can't be loaded as a NoisyDQN agent" in refuse(capsys, run_folder)
    model.unlink()
    assert "the training has not finished" in refuse(capsys, run_folder)


def test_agents_whose_env_was_wrapped_are_refused(run_folder, capsys):
    config = run_folder / "Pendulum-v1" / "config.yml"
    config.write_text("frame_stack: 4\n")
    assert "trained with frame_stack, which the page does not support" in refuse(capsys, run_folder)
    config.write_text("normalize: true\n")
    assert "vecnormalize.pkl: missing" in refuse(capsys, run_folder)


def test_a_lesson_that_is_none_is_refused(capsys):
    assert "no lesson named '2-regrets'. Did you mean '2-regret'?" in refuse(capsys, "--lesson", "2-regrets")
    assert "at most 65,535" in refuse(capsys, "--port", "70000")


def test_the_command_serves_until_it_is_ended(tmp_path):
    # A shell without job control has its background processes ignore Ctrl-C, and they hand that on
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "ca2_rl", "play", "--no-browser", "--lesson", "2-regret"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "Preparing the agents takes a few seconds\n"
        line = process.stdout.readline()
        address = re.match(r"(http://127\.0\.0\.1:\d+/)pendulum\.html#lesson=2-regret ", line)
        assert address, process.stderr.read()
        assert b"Pendulum playground" in urlopen(address[1]).read()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    finally:
        process.kill()
