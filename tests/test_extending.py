"""The examples of docs/howto and the Python interface as it is promised run as they stand."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from ca2_gan import registry

PAGES = (Path(__file__).parents[1] / "docs" / "howto").glob("*.md")
SECTIONS = {
    title: text
    for page in PAGES
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
}
OF_GANS = ("A GAN", "A metric", "An extractor", "Comparing two folders")


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """In an empty folder; what an example registers is gone afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CA2_GAN_CACHE", str(tmp_path / "cache"))
    for kind in (registry.models, registry.metrics, registry.extractors):
        kind.list()
        monkeypatch.setattr(kind, "_entries", dict(kind._entries))


def run(section: str) -> dict:
    found: dict = {}
    for code in re.findall(r"```python\n(.*?)```", SECTIONS[section], re.DOTALL):
        exec(code, found)
    return found


@pytest.mark.parametrize("section", OF_GANS)
def test_examples_run(section):
    assert run(section)


def test_the_environment_of_the_example_is_saved_in_the_middle_of_an_episode(monkeypatch):
    from ca2_rl.state import envs

    monkeypatch.setattr(envs, "ADAPTERS", dict(envs.ADAPTERS))
    found = run("An environment that is saved")
    assert found["again"].num_timesteps == 200
    assert envs.can_save(found["Drift"]())


def test_the_model_of_the_example_is_one_of_the_zoo(tmp_path):
    gan = run("A GAN")["gan"]
    images, labels = torch.zeros(2, 1, 28, 28), torch.tensor([0, 2])
    assert gan.discriminator(images, labels).shape == (2,)
    gan.save(tmp_path)
    from ca2_gan import list_models, load

    assert "small" in list_models()
    assert torch.equal(load(tmp_path).sample(3, seed=0), gan.sample(3, seed=0))


def test_the_scores_of_the_examples_are_what_they_say():
    assert 0 < run("A metric")["score"].value < 20  # grey levels
    scores = run("An extractor")["scores"]
    assert scores["fcd:patches"].low < scores["fcd:patches"].value
    assert 0 <= scores["recall:patches"].value <= 1
    assert run("Comparing two folders")["scores"]["fcd:pixels"].value > 0


def test_the_python_interface_is_as_promised(monkeypatch):
    """The lines on loading, sampling and evaluation of the project's design, with letters that come with the package."""
    from ca2_gan import evaluate, load, load_data

    data = load_data("glyphs", size=3000)
    monkeypatch.setattr("ca2_gan.metrics.classifier.FEWEST", 1280)
    monkeypatch.setattr("ca2_gan.metrics.classifier.MOST", 1280)
    gan = load("letters_gan/glyphs")
    assert gan.sample(8, labels="QUARTZAB", seed=0).shape == (8, 1, 28, 28)
    scores = evaluate(gan, data.test, metrics=["fcd", "prdc"])
    assert list(scores) == ["fcd", "precision", "recall", "density", "coverage"]
    assert all(score.low <= score.value <= score.high for score in scores.values())
    gan.save("run")
    assert evaluate("run", data.test, metrics=["fcd", "prdc"]) == scores
    images, labels = data.test.images, data.test.labels
    assert evaluate(gan, (images, labels), metrics=["fcd"], train=data.train)["fcd"].value == pytest.approx(scores["fcd"].value)
    assert not np.intersect1d(data.train.digests, data.test.digests).size
