"""``ca2-rl study``."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ca2_core.errors import UserError
from ca2_rl.commands.study import main

STUDY = """
title: A small comparison
seeds: 2
n_timesteps: 300
evaluation: {episodes: 4, curve_episodes: 2, evaluations: 3, thresholds: [-100000, 0]}
environments:
  Pendulum-v1:
  CartPole-v1:
variants:
  ours: {algo: discretizeddqn, base: none, policy: MlpPolicy, learning_starts: 100, batch_size: 8, policy_kwargs: {net_arch: [8]}}
  ppo: {algo: ppo, base: none, policy: MlpPolicy, n_steps: 100, batch_size: 50, n_epochs: 1}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yml"
    path.write_text(STUDY)
    return path


def test_help_explains_the_file(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for word in ("variants:", "environments:", "evaluation:", "gym_packages:", "--report-only", "runs only what is missing"):
        assert word in text


def test_the_example_of_the_help_is_a_study(tmp_path, capsys, monkeypatch):
    from ca2_rl.study.spec import read_study

    with pytest.raises(SystemExit):
        main(["--help"])
    example = capsys.readouterr().out.partition("example of a file")[2].partition("\n")[2]
    (tmp_path / "my_envs.py").touch()
    (tmp_path / "example.yml").write_text(example)
    monkeypatch.setattr(sys, "path", [*sys.path])
    study = read_study(tmp_path / "example.yml")
    assert study.title == "Does noise help?"
    assert len(study.cases) == 7


def test_a_study_is_trained_reported_and_not_repeated(file, tmp_path, capsys):
    main([str(file), "--jobs", "1"])
    out = tmp_path / "studies" / "small"
    content = json.loads((out / "study.json").read_text())
    assert content["command"] == f"ca2-rl study {file} --jobs 1"
    assert {"ca2", "torch", "stable-baselines3"} <= set(content["versions"])
    assert content["seeds"] == [0, 1]
    assert {"cpu", "cores"} <= set(content["machine"])
    found = {(record["variant"], record["task"], record["seed"]) for record in content["records"]}
    assert found == {(variant, task, seed) for variant in ("ours", "ppo") for task in ("Pendulum-v1", "CartPole-v1") for seed in (0, 1)}
    assert not any("error" in record for record in content["records"])
    report = (out / "report.md").read_text()
    for text in ("# A small comparison", "## Pendulum-v1", "## CartPole-v1", "| ours (2 seeds) |", "steps to -100000", "95 %"):
        assert text in report
    assert {"curves-Pendulum-v1.png", "profile-CartPole-v1.png"} <= {path.name for path in out.iterdir()}
    assert "ppo (2 seeds)" in capsys.readouterr().out

    times = {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()}
    main([str(file), "--jobs", "1", "--seeds", "3", "--only", "ppo"])
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in times.items())
    assert len(list((out / "jobs").iterdir())) == len(times) + 2  # one more seed of one variant on two environments


def test_a_changed_setting_is_another_training_and_leaves_the_old_one(file, tmp_path):
    main([str(file), "--jobs", "1", "--seeds", "1", "--only", "Pendulum-v1"])
    file.write_text(STUDY.replace("n_epochs: 1", "n_epochs: 2"))
    main([str(file), "--jobs", "1", "--seeds", "1", "--only", "Pendulum-v1"])
    jobs = list((tmp_path / "studies" / "small" / "jobs").iterdir())
    assert len(jobs) == 3
    content = json.loads((tmp_path / "studies" / "small" / "study.json").read_text())
    assert len(content["records"]) == 2


def test_report_only_trains_nothing(file, tmp_path, capsys):
    main([str(file), "--jobs", "1", "--seeds", "1", "--only", "CartPole-v1", "--out", "here"])
    jobs = set((tmp_path / "here" / "jobs").iterdir())
    (tmp_path / "here" / "report.md").unlink()
    study = (tmp_path / "here" / "study.json").read_text()
    main([str(file), "--report-only", "--out", "here"])
    assert (tmp_path / "here" / "report.md").is_file()
    assert set((tmp_path / "here" / "jobs").iterdir()) == jobs
    assert (tmp_path / "here" / "study.json").read_text() == study  # with the command that trained


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "required: FILE.yml"),
        (["smal.yml"], "smal.yml: no such file"),
        (["small.yml", "--seeds", "0"], "--seeds: at least 1 is needed, not 0"),
        (["small.yml", "--jobs", "0"], "--jobs: at least 1 is needed, not 0"),
        (["small.yml", "--seeds", "many"], "invalid int value: 'many'"),
        (["small.yml", "--only", "pp0"], "--only pp0: no such variant or task. Did you mean 'ppo'? There are ours; ppo; Pendulum-v1"),
        (["small.yml", "--out", "a_file"], "--out: a_file is a file, a folder is needed"),
        (["small.yml", "--out", "a_file/below"], "--out: a_file is a file, a folder is needed"),
        (["wrong.yml"], "wrong.yml, variants.ppo: PPO has no hyperparameter 'n_epohs'. Did you mean 'n_epochs'?"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(argv, message, file, tmp_path):
    (tmp_path / "a_file").touch()
    (tmp_path / "wrong.yml").write_text(STUDY.replace("n_epochs", "n_epohs"))
    with pytest.raises(UserError) as raised:
        main(argv)
    assert message in str(raised.value)
    assert {path.name for path in tmp_path.iterdir()} == {"a_file", "small.yml", "wrong.yml"}


def start(folder: Path, *args: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ca2_rl", "study", *map(str, args)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_files(folder: Path, n: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if len(list(folder.glob("[!.]*.json"))) >= n:
            return
        time.sleep(0.01)
    raise AssertionError(f"{process.communicate()}")


@pytest.mark.slow
def test_a_study_that_was_killed_goes_on_and_leaves_at_ctrl_c(file, tmp_path):
    jobs = tmp_path / "studies" / "small" / "jobs"
    killed = start(tmp_path, file, "--seeds", 500, "--jobs", 1)
    wait_for_files(jobs, 2, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    done = {path: path.stat().st_mtime_ns for path in jobs.glob("[!.]*.json")}
    assert all("return" in json.loads(path.read_text()) for path in done)

    stopped = start(tmp_path, file, "--seeds", 500, "--jobs", 2)
    wait_for_files(jobs, len(done) + 2, stopped)
    stopped.send_signal(signal.SIGINT)
    _, stderr = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, stderr
    assert "Run the same command again" in stderr
    assert "Traceback" not in stderr
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in done.items())


@pytest.mark.slow
def test_a_cluster_measures_what_this_machine_does(file, tmp_path, monkeypatch):
    import ray

    monkeypatch.setenv("RAY_worker_niceness", "0")  # by default its workers wait for whatever else this machine does
    main([str(file), "--jobs", "1", "--seeds", "1", "--out", "here"])
    ray.init(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parents[3])}})
    try:
        main([str(file), "--ray", "--seeds", "1", "--out", "ray"])
    finally:
        ray.shutdown()
    here, there = (json.loads((tmp_path / where / "study.json").read_text())["records"] for where in ("here", "ray"))
    assert [record["return_percentiles"] for record in here] == [record["return_percentiles"] for record in there]
    assert [record["curve"]["return"] for record in here] == [record["curve"]["return"] for record in there]
