import signal
import subprocess
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from ca2_rl import cli


def call(monkeypatch, *argv):
    monkeypatch.setattr(sys, "argv", ["ca2-rl", *argv])
    cli.main()


def test_help_takes_less_than_a_second(ca2_rl):
    durations = []
    for _ in range(3):
        start = time.perf_counter()
        ca2_rl("--help")
        durations.append(time.perf_counter() - start)
    assert min(durations) < 1


@pytest.mark.parametrize("argv", [[], ["-h"], ["--help"], ["help"]], ids=" ".join)
def test_help_names_every_command(argv, monkeypatch, capsys):
    call(monkeypatch, *argv)
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ") and "  " in line.strip()]
    assert listed == list(cli.COMMAND.subcommands)


@pytest.mark.parametrize("command", cli.COMMAND.subcommands)
def test_every_command_has_a_help(command, monkeypatch, capsys):
    with pytest.raises(SystemExit) as exit_info:
        call(monkeypatch, command, "--help")
    assert exit_info.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: ca2-rl {command} ")


def test_commands_are_loaded_from_what_the_table_names():
    for target, summary in cli.COMMAND.subcommands.values():
        module, _, function = target.partition(":")
        assert callable(getattr(import_module(module), function))
        assert summary


def test_version_is_the_distribution_s(monkeypatch, capsys):
    call(monkeypatch, "--version")
    assert capsys.readouterr().out.split()[-1] == version("ca2")


@pytest.mark.parametrize("argv", [["--version"], ["trian"]], ids=" ".join)
def test_module_and_script_do_the_same(argv, ca2_rl, tmp_path):
    script = Path(sys.executable).with_name("ca2-rl")
    if not script.exists():
        pytest.skip("the package is not installed with its script")
    by_script = subprocess.run([script, *argv], cwd=tmp_path, capture_output=True, text=True, check=False)
    by_module = ca2_rl(*argv, code=by_script.returncode)
    assert (by_module.stdout, by_module.stderr) == (by_script.stdout, by_script.stderr)


def test_ctrl_c_ends_a_command_with_130_and_no_traceback(ca2_rl, tmp_path):
    (tmp_path / "says_ready.py").write_text("print('ready', flush=True)\n")
    argv = ("explore", "--env", "Pendulum-v1", "--episodes", 10**6, "--gym-packages", "says_ready")
    process = ca2_rl.start(*argv)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout + stderr == ""
    assert not (tmp_path / "explore-Pendulum-v1").exists()
