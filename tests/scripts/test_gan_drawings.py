"""Strips of samples and the figures of them."""

import numpy as np
import pytest
from gan_reports import drawings, real, trained
from gan_reports.drawings import decoded

from ca2_gan.metrics.samples import Samples
from ca2_gan.study.training import strip


def flat_images(grays: list[int], channels: int = 1) -> np.ndarray:
    return np.full((len(grays), channels, 4, 4), 1, dtype=np.uint8) * np.array(grays, dtype=np.uint8)[:, None, None, None]


def grays_of(text: str) -> list[int]:
    """The gray of each 4x4 image of a strip: a gap of 2 lies between them."""
    return [int(gray) for gray in decoded(text)[0, ::6, 0]]


@pytest.mark.parametrize("channels", [1, 3])
def test_strip_has_the_classes_in_turn(channels):
    labels = np.array([0] * 20 + [1] * 20)
    images = flat_images([17] * 20 + [238] * 20, channels)
    assert grays_of(strip(Samples("", images, labels), classes=2)) == [17, 238] * 13
    assert decoded(strip(Samples("", images, labels), classes=2)).shape == (4, 26 * 6 - 2, channels)


def test_strip_of_a_class_that_is_rare_has_what_there_is():
    samples = Samples("", flat_images([0, 0, 0, 255]), np.array([0, 0, 0, 1]))
    assert grays_of(strip(samples, classes=2)) == [0, 255, 0, 0]


def test_strip_of_an_unconditional_model_has_its_first_images():
    assert grays_of(strip(Samples("", flat_images([0, 51, 255] * 20), None), classes=10)) == [0, 51, 255] * 6 + [0, 51]


def test_grays_are_near_those_of_the_image():
    grays = list(range(0, 256, 10))
    found = grays_of(strip(Samples("", flat_images(grays), None), classes=26))
    assert np.abs(np.array(found) - grays).max() <= 15


def with_strips(results):
    text = strip(Samples("", flat_images([0, 255] * 13), None), classes=26)
    results.records[:] = [record | {"drawn": text} for record in results.records]
    return results


def with_classes(results, model):
    """As of a model that is told the class: only then an accuracy is known."""
    results = with_strips(results)
    results.records[:] = [record | {"acc": 0.9 if record["variant"] == model else None} for record in results.records]
    return results


def texts(labels):
    return [label.get_text() for label in labels]


def test_figures_have_the_classes_above_the_images_and_the_model_beside_them(gan_by_hand):
    results = with_classes(gan_by_hand("overview"), "cgan")
    panels = drawings.of_all(results).axes
    models = list(trained(results, "letters, 30 CPU seconds"))
    assert sorted(name for panel in panels for name in texts(panel.get_yticklabels())) == sorted(models)
    assert [panel.get_title(loc="left") for panel in panels] == ["letters, 30 CPU seconds", *[""] * (len(panels) - 1)]
    alone = drawings.of_model(results, "cgan").axes
    classes = list(real(results, "letters, 30 CPU seconds")["looks"])
    assert [texts(panel.get_xticklabels()) for panel in alone] == [classes[:13], classes[13:]]
    assert [panel.images[0].get_array().shape for panel in alone] == [(4, 13 * 6 - 2)] * 2


def test_models_that_are_told_no_class_come_last_without_classes(gan_by_hand):
    results = with_classes(gan_by_hand("overview"), "cgan")
    panels, models = drawings.of_all(results).axes, list(trained(results, "letters, 30 CPU seconds"))
    models.remove("cgan")
    assert [texts(panel.get_yticklabels()) for panel in panels[:3]] == [["cgan"], [], models[:1]]
    assert [bool(texts(panel.get_xticklabels())) for panel in panels] == [True, True, *[False] * (len(panels) - 2)]


def test_without_strips_there_is_an_empty_figure(gan_by_hand):
    results = gan_by_hand("overview")
    assert not drawings.of_all(results).axes
    assert not drawings.of_model(results, "cgan").axes
