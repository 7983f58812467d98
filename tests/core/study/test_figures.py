"""Figures of a study: labels at the ends of lines."""

from itertools import pairwise

import numpy as np
import pytest

from ca2_core.study.figures import label_lines, plain_figure, spread


@pytest.mark.parametrize(
    ("centers", "heights", "expected"),
    [
        ([0, 10], [2, 2], [0, 10]),
        ([0, 1], [2, 2], [-0.5, 1.5]),
        ([0, 0, 0], [1, 1, 1], [-1, 0, 1]),
        ([0, 0, 1.3], [1, 1, 1], [-17 / 30, 13 / 30, 43 / 30]),  # the third joins the block of the first two, which moves for it
        ([0, 0, 5], [1, 3, 1], [-1, 1, 5]),
        ([], [], []),
    ],
)
def test_intervals_are_moved_apart_as_little_as_possible(centers, heights, expected):
    found = spread(centers, heights)
    gaps = np.diff(found) - (np.array(heights[1:]) + np.array(heights[:-1])) / 2
    assert (gaps > -1e-9).all()
    assert found == pytest.approx(expected)


def test_no_interval_begins_below_the_limit():
    assert spread([0, 0, 9], [2, 2, 2], low=0) == [1, 3, 9]


def test_labels_of_lines_that_end_together_do_not_overlap():
    figure, panel = plain_figure()
    for i, name in enumerate(["first", "second", "third"]):
        panel.plot([0, 1], [i, 5 + 0.01 * i], label=name)
    panel.plot([0, 1], [0, 0], label="_hidden")
    label_lines(panel)
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in panel.texts), key=lambda box: box.y0)
    assert [text.get_text() for text in panel.texts] == ["first", "second", "third"]
    assert all(above.y0 >= below.y1 - 0.5 for below, above in pairwise(boxes))
    assert all(text.get_color() == line.get_color() for text, line in zip(panel.texts, panel.lines, strict=False))
