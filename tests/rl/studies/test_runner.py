"""A study goes on where it was, and repeats nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ca2_core.errors import UserError
from ca2_rl.studies import runner
from ca2_rl.studies.jobs import plan

QUICK_STUDY = Path(__file__).with_name("quick_study.py")


@pytest.fixture
def trained(monkeypatch, evaluations):
    """Trains in no time, and keeps what was trained; fails for seed 13, is interrupted at seed 99."""
    done = []

    def train(job, _):
        done.append((job.variant.label, job.seed))
        if job.seed == 13:
            raise ZeroDivisionError("no luck\nat all")
        if job.seed == 99:
            raise KeyboardInterrupt
        return {"regret": float(job.seed)}

    monkeypatch.setattr(runner, "train", train)
    monkeypatch.setattr(runner.Evaluations, "sample", lambda: evaluations)
    return done


def test_a_second_call_repeats_nothing(two_variants, tmp_path, trained):
    jobs = plan(two_variants, range(2))
    runner.run(jobs, tmp_path, workers=1)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert trained == [("one", 0), ("two", 0), ("one", 1), ("two", 1)]
    runner.run(jobs, tmp_path, workers=1)
    assert len(trained) == 4
    runner.run(plan(two_variants, range(3)), tmp_path, workers=1)
    assert trained[4:] == [("one", 2), ("two", 2)]
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in times.items())


def test_an_interrupted_study_keeps_what_is_done_and_goes_on(two_variants, tmp_path, trained):
    with pytest.raises(KeyboardInterrupt):
        runner.run(plan(two_variants, [0, 99]), tmp_path, workers=1)
    assert len(list(tmp_path.iterdir())) == 2
    runner.run(plan(two_variants, [0, 1]), tmp_path, workers=1)
    assert trained == [("one", 0), ("two", 0), ("one", 99), ("one", 1), ("two", 1)]


def test_a_failure_is_recorded_in_one_line_and_stops_no_other(two_variants, tmp_path, trained):
    jobs = plan(two_variants, [13, 14])
    runner.run(jobs, tmp_path, workers=1)
    records = [json.loads((tmp_path / job.file_name).read_text()) for job in jobs]
    assert [record.get("error") for record in records] == ["ZeroDivisionError: no luck at all"] * 2 + [None] * 2
    assert [record["seed"] for record in records] == [13, 13, 14, 14]
    runner.run(jobs, tmp_path, workers=1)
    assert len(trained) == 4  # a failure is not repeated either


def test_a_file_that_was_not_written_whole_is_none(two_variants, tmp_path, trained, monkeypatch):
    monkeypatch.setattr(runner.json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        runner.run(plan(two_variants, [0]), tmp_path, workers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("trained")
def test_ray_that_is_not_installed_is_named(two_variants, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'ca2\[ray\]'"):
        runner.run(plan(two_variants, [0]), tmp_path, workers=1, backend="ray")


def start(folder: Path, *args: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, QUICK_STUDY, *map(str, args)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_files(folder: Path, n: int, process: subprocess.Popen) -> dict[Path, int]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        found = {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*.json")}
        if len(found) >= n:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{process.communicate()}")


@pytest.mark.slow
def test_a_study_that_was_killed_goes_on_and_leaves_at_ctrl_c(tmp_path):
    jobs = tmp_path / "studies" / "overview" / "jobs"
    killed = start(tmp_path, "--seeds", 500, "--jobs", 1)
    wait_for_files(jobs, 2, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    done = {path: path.stat().st_mtime_ns for path in jobs.glob("[!.]*.json")}
    assert all("regret" in json.loads(path.read_text()) for path in done)

    stopped = start(tmp_path, "--seeds", 500, "--jobs", 2)
    wait_for_files(jobs, len(done) + 2, stopped)
    stopped.send_signal(signal.SIGINT)
    _, stderr = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, stderr
    assert "The same command goes on" in stderr
    assert "Traceback" not in stderr
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in done.items())
