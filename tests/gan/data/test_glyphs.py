import time

import numpy as np
import pytest

from ca2_core.errors import UserError
from ca2_gan.data import load_data
from ca2_gan.data.glyphs import draw_glyphs, pen_strokes, templates


def test_same_seed_same_images_and_a_small_set_begins_a_large_one():
    images, labels, hands = draw_glyphs(1200, seed=3)
    fewer, fewer_labels, fewer_hands = draw_glyphs(200, seed=3)
    np.testing.assert_array_equal(images[:200], fewer)
    np.testing.assert_array_equal(labels[:200], fewer_labels)
    for name, values in fewer_hands.items():
        np.testing.assert_array_equal(hands[name][:200], values)
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
    images, _, _ = draw_glyphs(520)
    assert 30 < images.mean() < 55
    assert images[:, [0, -1]].mean() < 1
    assert images.max() == 255
    assert images.min() == 0


def test_upright():
    """The bar of a T is at the top, that of an L at the bottom: in capitals, which only the mean over many tells."""
    images, labels, _ = draw_glyphs(26 * 60)
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


def test_what_a_letter_was_drawn_with_is_seen_in_it():
    images, labels, hands = draw_glyphs(26 * 100)
    ink = images.mean(axis=(1, 2)) / hands["pressure"]
    assert np.corrcoef(ink, hands["pen"])[0, 1] > 0.6
    is_stem = (labels == 8) & hands["upper"] & ~hands["script"]  # a capital I leans as the slant says
    stems = images[is_stem] / 255.0
    rows, columns = np.mgrid[:28, :28] - 13.5
    weights = stems.sum(axis=(1, 2))
    leaning = (stems * rows * columns).sum(axis=(1, 2)) / weights
    assert np.corrcoef(leaning, hands["slant"][is_stem])[0, 1] > 0.7
    heights = (images > 60).any(axis=2).sum(axis=1)
    widths = (images > 60).any(axis=1).sum(axis=1)
    assert np.corrcoef(np.maximum(heights, widths), hands["side"])[0, 1] > 0.7


def test_capitals_and_lower_case_may_be_classes_of_their_own():
    data = load_data("glyphs", size=26 * 20, cases=True)
    assert "".join(data.class_names) == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    plain = load_data("glyphs", size=26 * 20)
    np.testing.assert_array_equal(data.labels, np.where(plain.attributes["upper"], plain.labels, plain.labels + 26))
    np.testing.assert_array_equal(data.images, plain.images)
    few = load_data("glyphs", size=26 * 20, cases=True, classes="A,b")
    assert few.class_names == ("A", "b")


def test_where_nothing_tells_capitals_it_says_so(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.eye(16, dtype=np.uint8)[None].repeat(4, 0) * 200, y=np.arange(4), upper=np.arange(4))
    with pytest.raises(UserError, match="nothing tells which are capitals: cases needs an attribute 'upper'"):
        load_data(tmp_path / "a.npz", cases=True)
