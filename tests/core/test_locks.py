"""One process at a time in a folder."""

import subprocess
import sys

import pytest

from ca2_core.errors import UserError
from ca2_core.files import locked

HOLD = """
import sys
from pathlib import Path
from ca2_core.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds ``tmp_path`` until it is killed."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_told_in_one_line(holder, tmp_path):
    with pytest.raises(UserError, match="another process is training in this folder"), locked(tmp_path):
        pass


def test_a_lock_ends_with_its_process(holder, tmp_path):
    holder.kill()
    holder.wait()
    with locked(tmp_path):
        pass


def test_an_error_in_the_block_is_not_taken_for_a_lock(tmp_path):
    with pytest.raises(TimeoutError), locked(tmp_path):
        raise TimeoutError
    with locked(tmp_path):  # and frees it
        pass
    assert list(tmp_path.iterdir()) == []
