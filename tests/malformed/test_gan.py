"""``ca2-gan`` with malformed files."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ca2_gan.cli import COMMAND

pytestmark = pytest.mark.slow
QUIETLY = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], print_blob=True
)

STUDY = """\
title: Two models
seeds: [1, 2]
budgets: [images: 64, cpu_minutes: 1]
data:
  glyphs: {classes: A,B}
variants:
  small: {model: letters_gan, lr_g: 0.001, options: {width: 8}}
  other: {model: dcgan, seeds: 1}
"""
SETTINGS = """\
model: letters_gan
loss: hinge
noise_dim: 16
batch_size: 8
lr_g: 1.0e-3
beta1: 0.0
augment: [diffaugment]
options: {width: 8}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short training on a few pictures, whose files lie next to it."""
    folder = tmp_path_factory.mktemp("valid")
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = rng.integers(0, 256, (60, 16, 16), dtype=np.uint8) // 4 + 60 * labels[:, None, None].astype(np.uint8)
    np.savez(folder / "letters.npz", x=images, y=labels, class_names=np.array(["A", "B", "C"]))
    rows = np.column_stack([labels, images.reshape(60, -1)])
    (folder / "letters.csv").write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    (folder / "settings.yml").write_text(SETTINGS)
    argv = ["train", "--config", str(folder / "settings.yml"), "--data", str(folder / "letters.npz"), "--images", "64"]
    COMMAND.run([*argv, "--log-every", "16", "--out", str(folder / "run"), "--no-tensorboard"])
    return folder


@settings(QUIETLY, max_examples=250)
@given(data=st.data())
def test_a_study(data, study_survives):
    study_survives(data.draw, COMMAND.main, STUDY)


@settings(QUIETLY, max_examples=150)
@given(data=st.data())
def test_settings(data, run, make_malformed, survives, tmp_path):
    path = tmp_path / "settings.yml"
    path.write_bytes(make_malformed(data.draw, tmp_path / "canary").of(run / "settings.yml"))
    argv = ["train", "--config", str(path), "--data", str(run / "letters.npz"), "--images", "64", "--dry-run"]
    survives(COMMAND.main, [*argv, "--out", str(tmp_path / "run")], tmp_path / "canary", tmp_path / "run")


@pytest.mark.parametrize("name", ["letters.npz", "letters.csv"])
@settings(QUIETLY, max_examples=200)
@given(data=st.data())
def test_data(name, data, run, make_malformed, survives, tmp_path):
    path, out = tmp_path / name, tmp_path / "run"
    path.write_bytes(make_malformed(data.draw, tmp_path / "canary").of(run / name))
    shutil.rmtree(out, ignore_errors=True)
    argv = ["train", "--config", str(run / "settings.yml"), "--data", str(path), "--images", "8", "--dry-run", "--out", str(out)]
    survives(COMMAND.main, argv, tmp_path / "canary", out)


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("config.json", ["sample", "RUN", "--n", "2", "--out", "OUT"]),
        ("model.safetensors", ["sample", "RUN", "--n", "2", "--out", "OUT"]),
        ("config.yml", ["train", "--resume", "--out", "RUN", "--dry-run"]),
        ("state.pt", ["train", "--resume", "--out", "RUN", "--images", "64"]),
        ("metrics.jsonl", ["compare", "RUN", "--out", "OUT"]),
    ],
)
@settings(QUIETLY, max_examples=100)
@given(data=st.data())
def test_a_run(name, argv, data, run, make_malformed, survives, tmp_path):
    copy, out = tmp_path / "run", tmp_path / ("out.html" if argv[0] == "compare" else "out.png")
    shutil.rmtree(copy, ignore_errors=True)
    out.unlink(missing_ok=True)
    shutil.copytree(run / "run", copy)
    (copy / name).write_bytes(make_malformed(data.draw, tmp_path / "canary").of(run / "run" / name))
    words = {"RUN": str(copy), "OUT": str(out)}
    survives(COMMAND.main, [words.get(word, word) for word in argv], tmp_path / "canary", out)


@settings(QUIETLY, max_examples=100)
@given(data=st.data())
def test_ratings(data, make_malformed, survives, tmp_path):
    valid = tmp_path / "valid.json"
    valid.write_text(json.dumps({"rater": "a", "items": [{"source": "real", "class": "A"}], "ratings": [{"item": 0, "grade": "clear"}]}))
    folder = tmp_path / "ratings"
    folder.mkdir(exist_ok=True)
    (folder / "a.json").write_bytes(make_malformed(data.draw, tmp_path / "canary").of(valid))
    survives(COMMAND.main, ["rate", "--report", str(folder)], tmp_path / "canary")
