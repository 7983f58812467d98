"""A study goes on where it was, and repeats nothing."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ca2_core.errors import UserError
from ca2_gan import cli
from ca2_gan.studies import command, overview, runner
from ca2_gan.studies.jobs import Budget, plan

IMAGES = Budget(images=24)
QUICK_STUDY = Path(__file__).with_name("quick_study.py")


def jobs_of(variants, seeds):
    return plan(variants, {"bars": "key"}, [IMAGES], seeds)


@pytest.fixture
def trained(monkeypatch):
    """Trains in no time, and keeps what was trained; fails for seed 13, is interrupted at seed 99."""
    done = []

    def train(job, _):
        done.append((job.variant.label, job.seed))
        if job.seed == 13:
            raise ZeroDivisionError("no luck\nat all")
        if job.seed == 99:
            raise KeyboardInterrupt
        return {"fcd": float(job.seed)}

    monkeypatch.setattr(runner, "train", train)
    return done


def test_an_interrupted_study_keeps_what_is_done_and_goes_on(two_variants, tmp_path, trained, bench):
    benches = {"bars": bench}
    with pytest.raises(KeyboardInterrupt):
        runner.run(jobs_of(two_variants, [0, 99]), benches, tmp_path, workers=1)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(times) == 2
    runner.run(jobs_of(two_variants, [0, 1]), benches, tmp_path, workers=1)
    assert trained == [("one", 0), ("two", 0), ("one", 99), ("one", 1), ("two", 1)]
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in times.items())


def test_a_failure_is_recorded_in_one_line_and_stops_no_other(two_variants, tmp_path, trained, bench):
    jobs = jobs_of(two_variants, [13, 14])
    for _ in range(2):
        runner.run(jobs, {"bars": bench}, tmp_path, workers=1)
    assert len(trained) == 4  # a failure is not repeated either
    records = [json.loads((tmp_path / job.file_name).read_text()) for job in jobs]
    assert [record.get("error") for record in records] == ["ZeroDivisionError: no luck at all"] * 2 + [None] * 2
    assert [record["seed"] for record in records] == [13, 13, 14, 14]
    assert records[0]["settings"]["batch_size"] == 8


def test_ray_that_is_not_installed_is_named(two_variants, tmp_path, monkeypatch, bench):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="pip install ray"):
        runner.run(jobs_of(two_variants, [0]), {"bars": bench}, tmp_path, workers=1, backend="ray")


@pytest.fixture
def miniature(two_variants, bench, monkeypatch, tmp_path):
    """``ca2-gan study overview`` of two tiny models on bars."""
    study = dataclasses.replace(overview.STUDY, variants=lambda: two_variants)
    monkeypatch.setattr(overview, "STUDY", study)
    monkeypatch.setattr(command, "prepare", lambda _: {"bars": bench})
    monkeypatch.chdir(tmp_path)
    return tmp_path / "studies" / "gan" / "overview"


def test_a_real_study_in_two_processes_is_resumed_without_repeating(miniature, capsys):
    argv = ["overview", "--data", "bars", "--images", "24", "--jobs", "2"]
    command.main([*argv, "--seeds", "1"])
    before = {path: path.stat().st_mtime_ns for path in (miniature / "jobs").iterdir()}
    assert len(before) == 2
    assert "Report: studies/gan/overview/report.md" in capsys.readouterr().out
    command.main([*argv, "--seeds", "2"])
    after = {path: path.stat().st_mtime_ns for path in (miniature / "jobs").iterdir()}
    assert len(after) == 4
    assert before.items() <= after.items()
    content = json.loads((miniature / "study.json").read_text())
    assert content["data"]["bars"]["measured"]["seeds"] == [0, 1]
    assert [(record["label"], record["seed"], record["images"]) for record in content["records"]] == [
        ("one", 0, 24),
        ("one", 1, 24),
        ("two", 0, 24),
        ("two", 1, 24),
    ]
    assert not any("error" in record for record in content["records"])
    assert [record["command"].split()[-1] for record in content["records"]] == ["1", "2", "1", "2"]  # seeds asked for
    assert "| one (2 seeds) |" in (miniature / "report.md").read_text()
    assert {path.stem for path in miniature.glob("*.png")} == {
        name for name, picture in overview.STUDY.pictures.items() if picture.in_report
    }


@pytest.mark.parametrize(
    "content", [b"", b'{"seed": 0, "bud', b"[]", b"{}", b'{"seed": "x", "budget": {"images": 24}}', b'{"seed": 0, "budget": 5}']
)
def test_a_damaged_record_is_told_before_the_trainings(content, miniature, monkeypatch):
    argv = ["overview", "--data", "bars", "--images", "24", "--jobs", "1"]
    command.main([*argv, "--seeds", "1"])
    path = min((miniature / "jobs").iterdir())
    path.write_bytes(content)
    with monkeypatch.context() as patch:
        patch.setattr(runner, "train", None)  # would fail if it were called
        with pytest.raises(UserError, match=rf"{path.name}: damaged or cut off\. Delete it"):
            command.main([*argv, "--seeds", "2"])
    path.unlink()
    command.main([*argv, "--seeds", "2"])


def test_ctrl_c_is_one_line_and_code_130(miniature, trained, capsys, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["ca2-gan", "study", "overview", "--data", "bars", "--images", "24", "--jobs", "1", "--first-seed", "99"]
    )
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 130
    lines = [line for line in capsys.readouterr().err.splitlines() if line and "training" not in line]
    assert lines == ["Stopped. The same command goes on with what is missing."]


def start(folder: Path, *args: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, QUICK_STUDY, *map(str, args)],
        cwd=folder,
        env=os.environ | {"CA2_GAN_CACHE": str(folder / "cache")},
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
    jobs = tmp_path / "studies" / "gan" / "overview" / "jobs"
    killed = start(tmp_path, "--seeds", 500, "--jobs", 1)
    wait_for_files(jobs, 2, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    done = {path: path.stat().st_mtime_ns for path in jobs.glob("[!.]*.json")}
    assert all("scores" in json.loads(path.read_text()) for path in done)

    stopped = start(tmp_path, "--seeds", 500, "--jobs", 2)
    wait_for_files(jobs, len(done) + 2, stopped)
    os.killpg(stopped.pid, signal.SIGINT)  # as a terminal does it
    _, stderr = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, stderr
    assert "The same command goes on" in stderr
    assert "Traceback" not in stderr
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in done.items())
