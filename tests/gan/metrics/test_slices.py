"""Recall and coverage of groups of the real images."""

import json

import numpy as np
import pytest

from ca2_core.errors import UserError
from ca2_gan import evaluate, load_data
from ca2_gan.commands.evaluate import main


@pytest.fixture
def told(bars, tmp_path):
    """Bars with what is known of each: whether it is bold, its darkness, and who drew it."""
    images, labels = bars(700)
    images[350:, :8] //= 2
    path = tmp_path / "told.npz"
    known = {"faint": np.arange(700) >= 350, "ink": images.mean(axis=(1, 2)), "writer": np.arange(700) % 20}
    np.savez(path, x=images, y=labels, class_names=np.array(list("ABC")), **known)
    return path


def test_a_group_that_is_missing_has_no_recall(told):
    data = load_data(told)
    fakes = data.train.images[~data.train.attributes["faint"]][:90]
    found = evaluate(fakes, data.test, ["prdc"], by="faint", resamples=10)
    assert list(found) == [
        "precision",
        "recall",
        "density",
        "coverage",
        *(f"{key}[faint={v}]" for v in ("no", "yes") for key in ("recall", "coverage")),
    ]
    assert found["recall[faint=no]"].value > found["recall[faint=yes]"].value + 0.3
    score = found["coverage[faint=no]"]
    assert score.low <= score.value <= score.high
    count = {v: int(found[f"recall[faint={v}]"].note.split()[1]) for v in ("no", "yes")}
    mean = sum(count[v] * found[f"recall[faint={v}]"].value for v in count) / sum(count.values())
    assert mean == pytest.approx(found["recall"].value)


def test_a_number_is_cut_into_five(told):
    data = load_data(told)
    found = evaluate(data.train.images[:80], data.test, ["prdc"], by="ink", resamples=0)
    assert sum(key.startswith("recall[ink=") for key in found) == 5


def test_the_command_prints_and_writes_them(told, tmp_path, capsys):
    images = load_data(told).train.images[:90, 0]
    np.savez(tmp_path / "fakes.npz", x=images)
    for attribute, title in (
        ("faint", "Real images by faint"),
        ("writer", "Real images by writer: of 20 values, those where the last candidate's recall is lowest"),
    ):
        main([str(tmp_path / "fakes.npz"), "--data", str(told), "--metrics", "prdc", "--by", attribute, "-o", str(tmp_path / "out")])
        assert title in " ".join(capsys.readouterr().out.split())
        content = json.loads((tmp_path / "out" / "evaluation.json").read_text())["by"]
        assert content["attribute"] == attribute
        floor, fakes = content["groups"].values()
        assert [row["n"] for row in floor] == [row["n"] for row in fakes]
        assert all(0 <= row["recall"] <= 1 for row in fakes)


def test_an_unknown_attribute_is_named(told, bars):
    data = load_data(told)
    with pytest.raises(UserError, match=r"no attribute 'faintt'\. Did you mean 'faint'\? There are faint, ink, writer"):
        evaluate(data.train.images[:50], data.test, ["prdc"], by="faintt")
    with pytest.raises(UserError, match=r"no attribute 'upper'\. Its images have none"):
        evaluate(bars(50, seed=1)[0], bars(50, seed=2), ["prdc"], train=data, by="upper")
