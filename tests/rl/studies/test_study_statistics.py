"""Several tasks, performance profiles and rank correlations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr, trim_mean

from ca2_rl.statistics import iqm, iqm_interval, performance_profile, rank_correlation


def test_iqm_of_several_tasks_pools_all_scores():
    matrix = np.arange(12.0).reshape(4, 3)
    assert iqm(matrix) == trim_mean(matrix.ravel(), 0.25) == 5.5


def test_interval_draws_runs_within_each_task():
    """Two tasks far apart whose runs agree: drawn from the pool, the mean would wander between them."""
    assert iqm_interval([[0.0, 100.0], [0.0, 100.0], [0.0, 100.0]]) == (50.0, 50.0)


def test_interval_of_several_tasks_is_that_of_a_bootstrap_by_hand():
    matrix = np.random.default_rng(1).normal([0, 3], 1, size=(10, 2))
    rng = np.random.default_rng(2)
    drawn = [trim_mean(np.concatenate([rng.choice(task, 10) for task in matrix.T]), 0.25) for _ in range(4000)]
    assert iqm_interval(matrix) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.08)


def test_profile_is_the_share_of_scores_at_or_below_each_threshold():
    profile = performance_profile([[1.0, 2.0], [3.0, 4.0]], [0.5, 1.0, 2.5, 4.0])
    assert profile.share == pytest.approx([0, 0.25, 0.5, 1])
    # Whole runs are drawn: both the first, both the second, or one of each
    assert profile.low == pytest.approx([0, 0, 0, 1])
    assert profile.high == pytest.approx([0, 0.5, 1, 1])


def test_profile_of_one_run_has_no_band():
    profile = performance_profile([[1.0, 2.0, 3.0]], np.linspace(0, 4, 9))
    assert (profile.low == profile.share).all()
    assert (profile.high == profile.share).all()


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
