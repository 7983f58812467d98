"""``ca2-gan study`` from a user's file to the report; what was stopped goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from joblib.externals.loky import get_reusable_executor

from ca2_core.errors import UserError
from ca2_core.study.results import Results
from ca2_gan import cli
from ca2_gan.commands import study as command
from ca2_gan.folders import own_folder

QUICK_STUDY = Path(__file__).with_name("quick_study.py")


@pytest.fixture
def file(content, tmp_path, monkeypatch):
    """A study of two tiny models, written by a user, in the current folder."""
    monkeypatch.chdir(tmp_path)
    tiny = content["variants"]["x"]
    variants = {"one": tiny, "two": tiny | {"spectral_norm": True}}
    whole = content | {"title": "Bars", "seeds": 2, "budgets": [{"images": 24}], "variants": variants}
    Path("mine.yml").write_text(yaml.safe_dump(whole, sort_keys=False))
    yield tmp_path / "studies" / "mine"
    get_reusable_executor().shutdown()  # its processes don't know what later tests add to sys.path


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*.json")}


def test_a_users_own_study_from_the_file_to_the_report(file, capsys):
    command.main(["mine.yml", "--jobs", "2"])
    printed = capsys.readouterr().out
    assert "Report: studies/mine/report.md" in printed
    assert "two (2 seeds)" in printed
    results = Results.read(file / "study.json")
    names = [(record["variant"], record["seed"]) for record in results.records]
    assert names == [(name, seed) for name in ("real images", "one", "two") for seed in (0, 1)]
    assert not any("error" in record for record in results.records)
    assert results.settings(results.records[-1])["training"]["spectral_norm"] is True
    report = (file / "report.md").read_text()
    assert report.startswith("# Bars\n\n## bars, 24 images\n")
    assert "| variant | fcd, IQM [95 %] |" in report
    assert "fcd (second)" in report
    assert "| real images (2 seeds) |" in report
    named = {part.partition(")")[0] for part in report.split("](")[1:]}
    assert named == {path.name for path in file.glob("*.png")}
    assert len(named) == 4  # curves, and what each variant draws


def test_a_study_goes_on_without_repeating(file):
    command.main(["mine.yml", "--jobs", "1", "--seeds", "1", "--only", "one"])
    before = times(file / "jobs")
    assert len(before) == 2  # real images belong to every part
    command.main(["mine.yml", "--jobs", "1", "--seeds", "1"])
    after = times(file / "jobs")
    assert before.items() <= after.items()
    assert len(after) == 3
    content = yaml.safe_load(Path("mine.yml").read_text())
    content["variants"]["one"]["precision"] = "bf16"
    Path("mine.yml").write_text(yaml.safe_dump(content))
    command.main(["mine.yml", "--jobs", "1", "--seeds", "1"])
    assert len(times(file / "jobs")) == 4


def test_report_only_trains_nothing_and_reports_what_is_there(file, monkeypatch, capsys):
    command.main(["mine.yml", "--jobs", "1", "--seeds", "1"])
    first = capsys.readouterr().out
    monkeypatch.setattr(command, "measure", None)
    monkeypatch.setattr(command, "make_benches", None)
    (file / "report.md").unlink()
    command.main(["mine.yml", "--report-only"])
    assert capsys.readouterr().out == first
    assert (file / "report.md").exists()


def test_a_failure_is_recorded_and_stops_no_other(file):
    content = yaml.safe_load(Path("mine.yml").read_text())
    content["variants"]["one"] |= {"lr_g": 1e30, "lr_d": 1e30}
    Path("mine.yml").write_text(yaml.safe_dump(content, sort_keys=False))
    command.main(["mine.yml", "--jobs", "1", "--seeds", "1"])
    records = {record["variant"]: record for record in Results.read(file / "study.json").records}
    assert "diverged" in records["one"]["error"]
    assert records["two"]["fcd"] > 0
    assert "1 of 1 failed: UserError: training diverged" in (file / "report.md").read_text()


@pytest.mark.parametrize("damage", [b"", b'{"seed": 0, "fcd', b"[]"])
def test_a_damaged_record_is_told_before_the_trainings(damage, file, monkeypatch):
    command.main(["mine.yml", "--jobs", "1", "--seeds", "1"])
    path = min(times(file / "jobs"))
    path.write_bytes(damage)
    with monkeypatch.context() as patch:
        patch.setattr(command, "make_benches", None)  # would fail if it were called
        with pytest.raises(UserError, match=rf"{path.name}: damaged or cut off\. Delete it"):
            command.main(["mine.yml", "--jobs", "1"])
    path.unlink()
    command.main(["mine.yml", "--jobs", "1", "--seeds", "1"])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "required: FILE.yml"),
        (["mine.yaml"], "mine.yaml: no such file."),
        (["mine.yml", "--seeds", "0"], "--seeds: at least 1 is needed"),
        (["mine.yml", "--only", "vae"], "--only vae: no such variant or task. There are real images; one; two; bars, 24 images."),
        (["mine.yml", "--out", "mine.yml"], "mine.yml is a file, a folder is needed"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(argv, message, file, monkeypatch):
    monkeypatch.setattr(command, "make_benches", None)  # would fail if it were called
    with pytest.raises(UserError) as raised:
        command.main(argv)
    assert message in str(raised.value)
    assert not times(file / "jobs")


def test_a_folder_that_another_process_has_is_told_before_anything_is_read(file):
    with own_folder(file), pytest.raises(UserError, match=r"studies/mine: another process"):
        command.main(["no_such_file/mine.yml"])


def test_ctrl_c_is_one_line_and_code_130(file, monkeypatch, capsys):
    def stop(cases, place):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "make_benches", stop)
    monkeypatch.setattr(sys, "argv", ["ca2-gan", "study", "mine.yml"])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 130
    assert "Stopped. Run the same command again to do the missing trainings." in capsys.readouterr().err.splitlines()


def start(folder: Path, *args: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, QUICK_STUDY, "mine.yml", *map(str, args)],
        cwd=folder,
        env=os.environ | {"CA2_GAN_CACHE": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_files(folder: Path, n: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if len(times(folder)) >= n:
            return
        time.sleep(0.01)
    raise AssertionError(f"{process.communicate()}")


@pytest.mark.slow
def test_a_study_that_was_killed_goes_on_and_leaves_at_ctrl_c(file, tmp_path):
    killed = start(tmp_path, "--seeds", 500, "--jobs", 1)
    wait_for_files(file / "jobs", 2, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    done = times(file / "jobs")
    assert all("fcd" in json.loads(path.read_text()) for path in done)

    stopped = start(tmp_path, "--seeds", 500, "--jobs", 2)
    wait_for_files(file / "jobs", len(done) + 2, stopped)
    os.killpg(stopped.pid, signal.SIGINT)  # as a terminal does it
    _, stderr = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, stderr
    assert "Run the same command again" in stderr
    assert "Traceback" not in stderr
    assert done.items() <= times(file / "jobs").items()


@pytest.mark.slow
def test_a_cluster_measures_what_this_machine_does(file, monkeypatch):
    """Two nodes with a core each."""
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_worker_niceness", "0")  # by default its workers wait for whatever else this machine does
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    try:
        command.main(["mine.yml", "--out", "ray", "--ray"])
    finally:
        ray.shutdown()
        cluster.shutdown()
    command.main(["mine.yml", "--out", "here", "--jobs", "1"])
    here, there = (Results.read(Path(where, "study.json")).records for where in ("here", "ray"))
    assert [record["fcd"] for record in here] == [record["fcd"] for record in there]
