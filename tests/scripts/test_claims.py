"""Verdicts on what the original study claimed."""

import numpy as np
import pytest
from claims import CONFIRMED, OPEN, REFUTED, best, order

LOW, LITTLE_MORE, HIGH = (np.array(values, dtype=float) for values in ([1, 2, 1, 2, 1], [1, 2, 2, 2, 1], [8, 9, 8, 9, 8]))


@pytest.mark.parametrize(
    ("groups", "verdict"),
    [
        ([LOW, HIGH], CONFIRMED),
        ([HIGH, LOW], REFUTED),
        ([LOW, LITTLE_MORE], OPEN),
        ([LOW, LITTLE_MORE, HIGH], OPEN),
        ([LITTLE_MORE, HIGH, LOW], REFUTED),  # two that are not neighbours
        ([LOW, np.array([])], OPEN),
        ([LOW, np.array([9.0])], OPEN),
    ],
)
def test_an_order_is_confirmed_or_refuted_by_intervals_that_do_not_overlap(groups, verdict):
    assert order(groups) == verdict


@pytest.mark.parametrize(
    ("groups", "verdict"),
    [([LOW, HIGH, HIGH], CONFIRMED), ([LOW, HIGH, LITTLE_MORE], OPEN), ([HIGH, LOW, HIGH], REFUTED), ([LOW, HIGH, np.array([])], OPEN)],
)
def test_the_best_is_better_than_each(groups, verdict):
    assert best(groups) == verdict
