import time

import numpy as np
import pytest

from ca2_gan.data import load_data
from ca2_gan.data.glyphs import draw_glyphs, pen_strokes, templates


def test_same_seed_same_images_and_a_small_set_begins_a_large_one():
    images, labels = draw_glyphs(1200, seed=3)
    fewer, fewer_labels = draw_glyphs(200, seed=3)
    np.testing.assert_array_equal(images[:200], fewer)
    np.testing.assert_array_equal(labels[:200], fewer_labels)
    assert (draw_glyphs(200, seed=4)[0] != fewer).any()


def test_every_letter_in_equal_shares_and_none_blank_or_twice():
    data = load_data("glyphs", size=26 * 20)
    assert data.class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert data.report.counts == (20,) * 26
    assert (data.report.blanks, data.report.duplicates) == (0, 0)
    assert data.image_shape == (1, 28, 28)


def test_both_cases_of_every_letter():
    assert {(letter, case) for letter, case, _ in templates()} == {
        (letter, case) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for case in ("upper", "lower")
    }


def test_ink_stays_inside_and_is_as_much_as_in_emnist():
    """EMNIST letters: mean pixel 42, a margin of two pixels with little ink."""
    images, _ = draw_glyphs(520)
    assert 30 < images.mean() < 55
    assert images[:, [0, -1]].mean() < 1
    assert images.max() == 255
    assert images.min() == 0


def test_upright():
    """The bar of a T is at the top, that of an L at the bottom: in capitals, which only the mean over many tells."""
    images, labels = draw_glyphs(26 * 60)
    top, bottom = images[:, :10].mean(axis=(1, 2)), images[:, 18:].mean(axis=(1, 2))
    share = top / (top + bottom)
    assert share[labels == 19].mean() > share[labels == 11].mean() + 0.1


def test_twenty_thousand_in_seconds():
    start = time.process_time()
    draw_glyphs(20_000)
    assert time.process_time() - start < 20


@pytest.mark.parametrize(("character", "strokes"), [("I", 1), ("L", 2), ("R", 3), ("M", 4), ("7", 2), ("Ä", None), ("IL", None)])
def test_pen_strokes_are_those_that_one_writes(character, strokes):
    assert pen_strokes(character) == strokes
