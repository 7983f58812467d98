"""Pictures in colour, from a folder to scored samples."""

import json

import numpy as np
import pytest
from PIL import Image

from ca2_gan import load, load_data
from ca2_gan.cli import run

COLOURS = {"leaf": (40, 180, 60), "sea": (30, 90, 200), "sun": (240, 200, 40)}
SMALL = {"letters_gan": ["width=8"], "dcgan_radford": ["width=8"], "sngan": ["width=8"], "r3gan": []}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Discs of three colours on a ground of another, 32x32: a folder for each class."""
    rng, root = np.random.default_rng(0), tmp_path_factory.mktemp("pictures")
    rows, columns = np.mgrid[:32, :32]
    for name, colour in COLOURS.items():
        (root / name).mkdir()
        for i in range(60):
            image = np.full((32, 32, 3), rng.integers(90, 160), dtype=np.int64)
            y, x = rng.integers(8, 24, 2)
            image[(rows - y) ** 2 + (columns - x) ** 2 < 60] = colour
            noisy = np.clip(image + rng.integers(-8, 9, image.shape), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(root / name / f"{i}.png")
    return root


@pytest.mark.parametrize("model", [pytest.param(name, marks=[] if name == "letters_gan" else pytest.mark.slow) for name in SMALL])
def test_a_folder_of_pictures_trains_and_is_scored(model, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ca2_gan.metrics.classifier.FEWEST", 3_840)
    monkeypatch.setattr("ca2_gan.metrics.classifier.MOST", 3_840)
    options = ["--options", *SMALL[model]] if SMALL[model] else []
    data = ["--data", str(folder)]
    run(
        [
            "train",
            "--model",
            model,
            *data,
            "--augment",
            "diffaugment",
            "flip",
            "--images",
            "48",
            "--batch-size",
            "16",
            "--out",
            "run",
            *options,
        ]
    )
    gan = load("run")
    assert gan.class_names == tuple(COLOURS)
    assert gan.sample(3, seed=0).shape == (3, 3, 32, 32)
    run(["sample", "run", "--n", "3", "--out", "samples.png"])
    assert Image.open("samples.png").mode == "RGB"
    run(["evaluate", "run", *data, "--metrics", "fcd,prdc,kl", "--bootstrap", "0", "--out", "scores"])
    floor, fakes = json.loads((tmp_path / "scores" / "evaluation.json").read_text())["rows"]
    assert 0 <= floor["scores"]["fcd"] < fakes["scores"]["fcd"]


def test_pictures_keep_their_colours(folder):
    data = load_data(folder)
    assert data.image_shape == (3, 32, 32)
    first = np.asarray(Image.open(folder / "sun" / "0.png")).transpose(2, 0, 1)
    (where,) = np.flatnonzero((data.images == first).all(axis=(1, 2, 3)))
    assert data.class_names[data.labels[where]] == "sun"
