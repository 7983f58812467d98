"""What scripts/storm.py notices."""

import json
import signal
import sys
from dataclasses import dataclass

import pytest
import storm


@dataclass(frozen=True)
class Fake(storm.Training):
    """Makes 20 steps, each a file, then its result."""

    code: str = ""

    def command(self):
        return ["-c", f"import os, pathlib, sys, time\nfolder = pathlib.Path({str(self.folder)!r})\n{self.code}"]

    def is_training(self):
        return any(self.folder.glob("step-*"))

    def is_saving(self):
        return self.is_training()

    def result(self):
        path = self.folder / "result"
        return (path.read_text(),) if path.is_file() else ()


STEPS = """
begins_at = len(list(folder.glob("step-*")))
try:
    for step in range(begins_at, 20):
        time.sleep(0.02)
        (folder / f"step-{step}").write_bytes(bytes(4096))
    (folder / "result").write_text("20")
except OSError as error:
    sys.exit(print(error.strerror, file=sys.stderr) or 2)
"""
REFERENCE = storm.Reference(("20",), 0.1, 0.5)


def fake(tmp_path, code=STEPS):
    return Fake("rl", "fake", 0, tmp_path / "training", code)


@pytest.mark.parametrize("seed", range(5))
def test_a_training_that_goes_on_is_equal_however_it_is_killed(seed, tmp_path):
    outcome = storm.storm(fake(tmp_path), REFERENCE, seed)
    assert outcome.failure is None
    assert 1 <= len(outcome.moments) <= 3
    assert not (tmp_path / "training").exists()


def test_another_result_is_noticed(tmp_path):
    code = STEPS.replace('write_text("20")', "write_text(str(20 + begins_at))")
    outcome = storm.storm(fake(tmp_path, code), REFERENCE, 3)
    assert "another result" in outcome.failure


def test_a_training_that_can_t_go_on_is_noticed(tmp_path):
    code = "if any(folder.glob('step-*')): sys.exit('damaged')\n" + STEPS
    assert storm.storm(fake(tmp_path, code), REFERENCE, 3).failure == "exit code 1: damaged\n"


def test_half_written_files_are_noticed(tmp_path):
    code = STEPS + "(folder / '.model.1.partial.zip').touch()\n"
    assert storm.storm(fake(tmp_path, code), REFERENCE, 0).failure == "half-written files: ['.model.1.partial.zip']"


@pytest.mark.parametrize("seed", range(3))
def test_a_full_disk_is_one_line_and_is_gone_on_with(seed, tmp_path):
    outcome = storm.fill_disk(fake(tmp_path), REFERENCE, seed)
    assert outcome.failure is None
    assert len(outcome.moments) == 1


def test_a_full_disk_with_a_traceback_is_noticed(tmp_path):
    code = STEPS.replace("sys.exit(print(error.strerror, file=sys.stderr) or 2)", "raise")
    failure = storm.fill_disk(fake(tmp_path, code), REFERENCE, 1).failure
    assert failure.startswith("exit code 1: Traceback")


def test_a_process_is_hit_at_the_moment_that_is_asked_for(tmp_path):
    training = fake(tmp_path)
    process = storm.start(training)
    seconds = storm.hit(process, training, "saving", 0.0, process.kill)
    assert storm.end(process)[0] == -signal.SIGKILL
    assert seconds > 0
    assert training.is_saving()


def test_nothing_is_hit_after_the_end(tmp_path):
    training = fake(tmp_path, "pass")
    process = storm.start(training)
    assert storm.hit(process, training, "any", 60.0, process.kill) is None
    assert storm.end(process)[0] == 0


@pytest.mark.slow
def test_a_small_storm_of_real_trainings(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["storm.py", "--quick", "--out", str(tmp_path / "out"), "--record", str(tmp_path / "storm.json")])
    with pytest.raises(SystemExit) as exit_info:
        storm.main()
    assert exit_info.value.code == 0
    assert capsys.readouterr().out.splitlines() == ["4 of 4 equal", "2 of 2 on a full disk"]
    record = json.loads((tmp_path / "storm.json").read_text())
    assert (record["killed"]["equal"], record["full_disk"]["equal"]) == (4, 2)
    assert record["machine"]["cpu"]
