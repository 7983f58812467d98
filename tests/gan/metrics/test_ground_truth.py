"""Generators of glyphs compared with the procedure that draws them."""

import json

import numpy as np
import pytest
from PIL import Image

from ca2_core.errors import UserError
from ca2_gan import load_data
from ca2_gan.commands.ground_truth import main
from ca2_gan.metrics.ground_truth import FACTORS, explained, factor_network, fresh_glyphs, ground_truth, infer, known_factors
from ca2_gan.metrics.samples import open_source

N = 500


@pytest.fixture(autouse=True)
def _short_learning(monkeypatch):
    """Of what infers the factors: seconds instead of half a minute."""
    monkeypatch.setattr("ca2_gan.metrics.ground_truth.LEARNED", 4_000)
    monkeypatch.setattr("ca2_gan.metrics.ground_truth.EPOCHS", 4)
    monkeypatch.setattr("ca2_gan.metrics.ground_truth.DRAWS", 2)


def truth(images):
    return ground_truth(open_source(images), N)


def by_name(found):
    return {factor.name: factor for factor in found.factors}


def test_factors_are_inferred_from_images():
    test = fresh_glyphs(N, 77)
    r2 = dict(zip(FACTORS, explained(infer(factor_network(), test.images), known_factors(test)), strict=True))
    assert min(r2["pen"], r2["side"], r2["softness"]) > 0.7
    assert r2["slant"] > 0.4


def test_the_procedure_itself_differs_by_chance_alone():
    found = truth(load_data("glyphs", seed=5, size=N).images)
    for factor in found.factors:
        assert factor.difference < 0.12  # Kolmogorov-Smirnov, 0.1 % with two sides of 500
        assert np.mean([group.recall.mean() for group in factor.recall]) > 0.75
    assert abs(found.fcd - np.mean(found.floor)) < 4
    assert found.copies.p_value > 1e-3


def test_what_a_generator_leaves_out_is_seen():
    data = load_data("glyphs", seed=5, size=5 * N)
    chosen = data.attributes["upper"] & (data.attributes["pen"] < 1.2)
    found = by_name(truth(data.images[chosen][:N]))
    assert found["upper"].difference > 0.3
    assert found["pen"].difference > 0.3
    assert max(factor.difference for name, factor in found.items() if name in ("turn", "stretch")) < 0.15
    no, yes = found["upper"].recall
    assert (no.name, yes.name) == ("no", "yes")
    assert no.recall.mean() < yes.recall.mean() - 0.1


def test_copies_are_found_with_a_known_rate_of_false_alarms():
    data = load_data("glyphs")
    images = data.train.images[:N].copy()
    assert truth(images).copies.share == 1
    new = load_data("glyphs", seed=5, size=N).images
    images[: N // 10 * 9] = new[: N // 10 * 9]
    tenth = truth(images).copies
    assert tenth.share == pytest.approx(0.1 + 0.9 * 0.01, abs=0.02)
    assert tenth.p_value < 1e-6


def test_the_command_writes_numbers_and_a_figure(tmp_path, capsys):
    main(["letters_gan/glyphs", "--n", "300", "-o", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "FCD to fresh glyphs" in printed
    assert "Taken for copies of training images" in printed
    content = json.loads((tmp_path / "out" / "ground-truth.json").read_text())
    assert tuple(content["factors"]) == FACTORS
    assert content["fcd"] > max(content["fcd_floor"])
    assert Image.open(tmp_path / "out" / "ground-truth.png").width > 1000


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((600, 16, 16), dtype=np.uint8), r"images of \[1, 16, 16\]; glyphs have \[1, 28, 28\]"),
        (np.zeros((200, 28, 28), dtype=np.uint8), "200 images, but 500 are asked for"),
    ],
)
def test_what_cannot_be_compared_is_told(images, message):
    with pytest.raises(UserError, match=message):
        truth(images)
