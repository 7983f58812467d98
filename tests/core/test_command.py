"""What a program with subcommands prints and returns."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ca2_core import command as module
from ca2_core.command import Command, Subcommand
from ca2_core.errors import UserError


def raising(error):
    def subcommand(argv):
        raise error

    return subcommand


@pytest.fixture
def program(monkeypatch):
    """A program whose only subcommand raises what it is given."""

    def make(error):
        monkeypatch.setattr(module, "raises", raising(error), raising=False)
        return Command("prog", "Does nothing.", {"raise": Subcommand("ca2_core.command:raises", "raises")})

    return make


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("no\n  file."), 2, "prog: no file.\n"),
        (OSError(errno.ENOSPC, "No space left on device", "a.txt"), 2, "prog: a.txt: No space left on device\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "prog: No space left on device\n"),
        (PermissionError(errno.EACCES, "Permission denied", "a", None, "b"), 2, "prog: b: Permission denied\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, ""),
    ],
    ids=["mistake", "disk", "disk-without-file", "rename", "ctrl-c", "pipe"],
)
def test_errors_are_one_line_and_a_code(error, code, line, program, capsys):
    with pytest.raises(SystemExit) as exit_info:
        program(error).main(["raise"])
    assert exit_info.value.code == code
    assert capsys.readouterr() == ("", line)


def test_a_bug_is_one_line_that_names_the_file_with_its_traceback(program, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SystemExit) as exit_info:
        program(KeyError("secret")).main(["raise"])
    assert exit_info.value.code == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.startswith("prog: unexpected error: KeyError: 'secret'.")
    (path,) = tmp_path.iterdir()
    assert str(path) in line
    assert "Traceback" in path.read_text()


@pytest.mark.parametrize("argv", [["--debug", "raise"], ["raise", "--debug"]], ids=" ".join)
def test_debug_shows_the_traceback(argv, program):
    with pytest.raises(KeyError):
        program(KeyError("x")).main(argv)


def test_an_unknown_subcommand_is_met_with_the_nearest(program, capsys):
    with pytest.raises(SystemExit) as exit_info:
        program(None).main(["rise"])
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == "prog: no command 'rise'. Did you mean 'raise'? `prog --help` shows all.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_cannot_be_written_is_an_error():
    """Also what is flushed at the end."""
    with Path("/dev/full").open("w") as full:
        result = subprocess.run([sys.executable, "-m", "ca2_rl", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "ca2-rl: No space left on device\n"


def test_a_reader_that_leaves_ends_a_process_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([sys.executable, "-m", "ca2_rl", "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert result.returncode == 1
    assert result.stderr == ""
