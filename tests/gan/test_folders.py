"""A folder that a command writes into is its own while it runs, and told to be unusable before anything takes long."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from ca2_core.errors import UserError
from ca2_core.files import locked
from ca2_gan import load
from ca2_gan.cli import run
from ca2_gan.training.records import read_metrics

WAIT = 900  # seconds until a process counts as stuck, however busy the machine
TAKEN = "another process is training in this folder"


@pytest.fixture
def data(tmp_path_factory) -> str:
    """An npz of 16x16 images with bars, two classes."""
    rng = np.random.default_rng(0)
    y = np.arange(120, dtype=np.int64) % 2
    x = rng.integers(0, 60, (120, 16, 16), dtype=np.uint8)
    for image, label in zip(x, y, strict=True):
        image[:, 2 + 4 * label : 5 + 4 * label] += 180
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(path, x=x, y=y)
    return str(path)


def train(data: str, out: Path, *more: str, images: int = 16) -> list[str]:
    small = ["--options", "width=8", "--batch-size", "8", "--log-every", "32", "--no-tensorboard", "--no-progress", "--threads", "1"]
    return ["train", "--model", "dcgan_radford", "--data", data, "--out", str(out), "--images", str(images), *small, *more]


def snapshot(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.name != "metrics.jsonl"}


def test_a_living_run_keeps_its_folder_and_all_that_is_in_it(data, tmp_path):
    folder = tmp_path / "run"
    living = subprocess.Popen([sys.executable, "-m", "ca2_gan", *train(data, folder, "--checkpoint-seconds", "1e5", images=10**9)])
    try:
        while not read_metrics(folder):
            assert living.poll() is None
            time.sleep(0.02)
        partial = folder / f".state.{living.pid}.partial.pt"
        partial.write_bytes(b"what the living run is writing")
        before = snapshot(folder)
        for second in (train(data, folder), train(data, folder, "--resume"), ["train", "--out", str(folder), "--resume"]):
            with pytest.raises(UserError, match=f"{folder}: {TAKEN}. Wait until it has ended, or stop it."):
                run(second)
            assert snapshot(folder) == before
        assert living.poll() is None
        os.kill(living.pid, signal.SIGKILL)  # which leaves the lock's file
        living.wait(WAIT)
        run(["train", "--out", str(folder), "--resume", "--images", "24"])
        assert not partial.exists()
        assert load(folder).sample(1).shape == (1, 1, 16, 16)
    finally:
        living.kill()
        living.wait(WAIT)


def test_a_folder_that_is_taken_is_told_before_the_data_are_read(tmp_path):
    with locked(tmp_path / "run"), pytest.raises(UserError, match=TAKEN):
        run(train(str(tmp_path / "nowhere.npz"), tmp_path / "run"))


def test_one_model_per_class_keeps_the_whole_folder_and_each_class(data, tmp_path):
    folder = tmp_path / "run"
    run(train(data, folder, "--per-class"))
    with locked(folder), pytest.raises(UserError, match=f"run: {TAKEN}"):
        run(["train", "--out", str(folder), "--resume", "--images", "24"])
    with locked(folder / "1"), pytest.raises(UserError, match=f"run/1: {TAKEN}"):
        run(["train", "--out", str(folder), "--resume", "--images", "24"])
    assert load(folder).sample(2).shape == (2, 1, 16, 16)


def test_what_was_made_for_nothing_is_gone(data, tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.npz"):
        run(train(str(tmp_path / "nowhere.npz"), tmp_path / "a" / "b" / "run"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match=r"nowhere\.npz"):
        run(train(str(tmp_path / "nowhere.npz"), tmp_path / "mine" / "run"))
    assert list(tmp_path.iterdir()) == [tmp_path / "mine"]


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "DATA", "--data", "DATA", "--metrics", "fcd", "--out", "FILE/scores"],
        ["explore", "--data", "DATA", "--out", "FILE/explored"],
        ["train", "--model", "dcgan_radford", "--data", "DATA", "--out", "FILE/run", "--eval-every", "8"],
        ["train", "--model", "dcgan_radford", "--data", "DATA", "--out", "FILE"],
        ["study", "study.yml", "--out", "FILE"],
        ["sample", "letters_gan/mnist", "--out", "FILE/samples.png"],
        ["compare", "RUN", "--out", "FILE/page.html"],
    ],
    ids=lambda command: command[0],
)
def test_a_place_that_cannot_be_written_to_is_one_line_before_the_work(command, data, tmp_path, monkeypatch, capsys):
    """``FILE`` is a file where a folder would have to be: that stops root, too."""
    from ca2_gan import cli

    for work in ("ca2_gan.metrics.classifier.train_network", "ca2_gan.data.embedding.embed", "ca2_gan.training.trainer.TrainingState"):
        monkeypatch.setattr(work, None)  # would fail if it were called
    file, run_folder = tmp_path / "file", tmp_path / "run"
    file.write_text("mine")
    run_folder.mkdir()
    (run_folder / "metrics.jsonl").write_text('{"images": 8, "d_loss": 1.0, "g_loss": 1.0}\n')
    (run_folder / "config.yml").write_text(yaml.safe_dump({"model": "cgan", "data": "bars", "facts": {"threads": 1}}))
    words = [word.replace("FILE", str(file)).replace("RUN", str(run_folder)).replace("DATA", data) for word in command]
    monkeypatch.setattr(sys, "argv", ["ca2-gan", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert error.count("\n") == 1
    assert error.startswith("ca2-gan: ")
    assert str(file) in error
    assert file.read_text() == "mine"


def test_disk_errors_anywhere_are_one_line(monkeypatch, capsys):
    from ca2_gan import cli
    from ca2_gan.commands import list as listing

    def fail(argv):
        raise OSError(28, "No space left on device", "some/file")

    monkeypatch.setattr(listing, "main", fail)
    monkeypatch.setattr(sys, "argv", ["ca2-gan", "list"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    assert capsys.readouterr().err == "ca2-gan: some/file: No space left on device\n"


@pytest.mark.parametrize("command", [["--help"], ["list", "losses"], ["sample", "--help"]], ids=" ".join)
def test_a_reader_that_leaves_is_no_traceback(command):
    with subprocess.Popen([sys.executable, "-m", "ca2_gan", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(WAIT) in (0, 1)  # argparse doesn't mind
