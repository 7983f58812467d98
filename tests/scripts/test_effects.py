"""Analysis of variance and the expected best of a search, against cases that can be worked out."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rl_reports.effects import expected_best, rank_correlation, variance_explained
from scipy.stats import spearmanr


def test_sums_of_two_factors_have_no_interaction():
    shares = variance_explained(np.add.outer([0.0, 1, 2], [0.0, 10, 20]))
    assert shares[0,] == pytest.approx(1 / 101)
    assert shares[1,] == pytest.approx(100 / 101)
    assert shares[0, 1] == pytest.approx(0)


def test_an_exclusive_or_is_all_interaction():
    assert variance_explained([[1.0, -1], [-1, 1]]) == pytest.approx({(0,): 0, (1,): 0, (0, 1): 1})


def test_a_pair_is_found_among_four_factors():
    cells = np.zeros((3, 3, 3, 3)) + np.outer([1, 0, -1], [1, 0, -1])[None, :, None, :]
    shares = variance_explained(cells)
    assert shares.pop((1, 3)) == pytest.approx(1)
    assert list(shares.values()) == pytest.approx([0] * 9)


def test_equal_cells_have_nothing_to_explain():
    assert set(variance_explained(np.full((2, 3), 7.0)).values()) == {0.0}


@given(hnp.arrays(np.float64, (3, 2, 3), elements=st.integers(-100, 100).map(float)).filter(lambda cells: np.ptp(cells) > 0))
def test_shares_are_positive_and_sum_to_at_most_one(cells):
    shares = variance_explained(cells)
    assert min(shares.values()) >= 0
    assert sum(shares.values()) <= 1 + 1e-9


@given(hnp.arrays(np.float64, (3, 4), elements=st.integers(-100, 100).map(float)).filter(lambda cells: np.ptp(cells) > 0))
def test_two_factors_and_their_pair_explain_all(cells):
    assert sum(variance_explained(cells).values()) == pytest.approx(1)


@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=7), st.data())
def test_expected_best_is_the_mean_over_all_draws(scores, data):
    n = data.draw(st.integers(1, len(scores)))
    assert expected_best(scores, n) == pytest.approx(np.mean([min(drawn) for drawn in combinations(scores, n)]), abs=1e-9)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=4, max_size=20))
def test_rank_correlation_is_that_of_scipy(pairs):
    x, y = zip(*pairs, strict=True)
    result = rank_correlation(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert result is None
    else:
        assert result.rho == pytest.approx(spearmanr(x, y).statistic, abs=1e-9)
        assert -1 - 1e-9 <= result.low <= result.high <= 1 + 1e-9


def test_rank_correlation_of_unrelated_numbers_has_an_interval_around_0():
    x, y = np.random.default_rng(0).normal(size=(2, 200))
    result = rank_correlation(x, y)
    assert result.low < 0 < result.high
    # Fisher's: 1.96 / sqrt(197) to either side
    assert result.high - result.low == pytest.approx(2 * 0.14, abs=0.03)


def test_too_few_pairs_have_no_rank_correlation():
    assert rank_correlation([1, 2, 3], [1, 2, 3]) is None
