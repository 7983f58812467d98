"""Strips of samples and the figures of them."""

import numpy as np
import pytest
from gan_reports import drawings, trained
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


def test_figures_have_a_row_a_model_and_a_panel_a_data_set(gan_by_hand):
    results = with_strips(gan_by_hand("overview"))
    figure = drawings.of_all(results)
    assert [text.get_text() for text in figure.axes[0].texts] == list(trained(results, "letters, 30 CPU seconds"))
    assert figure.axes[0].get_title(loc="left") == "letters, 30 CPU seconds"
    alone = drawings.of_model(results, "cgan")
    assert [panel.get_title(loc="left") for panel in alone.axes] == ["letters, 30 CPU seconds"]
    assert alone.axes[0].images[0].get_array().shape == (4, 26 * 6 - 2)


def test_without_strips_there_is_an_empty_figure(gan_by_hand):
    results = gan_by_hand("overview")
    assert not drawings.of_all(results).axes[0].texts
    assert not drawings.of_model(results, "cgan").axes[0].images
