"""Interquartile mean and its interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import trim_mean

from ca2_core.statistics import iqm, iqm_interval, performance_profile

scores = st.lists(st.floats(-1000, 1000), min_size=4, max_size=40)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([7], 7), ([1, 3], 2), ([1, 2, 6], 3), ([4, 1, 3, 2], 2.5), ([0, 1, 2, 3, 100], 2), ([-1e9, 1, 2, 3, 4, 5, 6, 1e9], 3.5)],
)
def test_iqm_is_the_mean_of_the_middle_half(values, expected):
    assert iqm(values) == pytest.approx(expected)


@given(st.lists(st.floats(-1000, 1000), min_size=4, max_size=40).filter(lambda values: len(values) % 4 == 0))
def test_iqm_drops_a_quarter_at_either_end(values):
    quarter = len(values) // 4
    assert iqm(values) == pytest.approx(np.mean(sorted(values)[quarter:-quarter]), abs=1e-9)


@given(scores, st.randoms())
def test_iqm_does_not_depend_on_the_order(values, random):
    shuffled = random.sample(values, len(values))
    assert iqm(shuffled) == pytest.approx(iqm(values), abs=1e-9)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_scores_have_no_interval(n):
    assert iqm_interval([1.0] * n) is None


@pytest.mark.parametrize("n", [2, 3, 5, 10, 100])
def test_interval_contains_the_iqm_and_lies_within_the_scores(n):
    values = np.random.default_rng(n).normal(size=n)
    low, high = iqm_interval(values)
    assert values.min() <= low <= iqm(values) <= high <= values.max()


def test_same_scores_have_the_same_interval_whatever_the_global_generator_does():
    values = [1.0, 5.0, 2.0, 8.0, 3.0]
    np.random.seed(0)
    first = iqm_interval(values)
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    assert iqm_interval(values) == first
    assert np.array_equal(np.random.get_state()[1], state)


def test_interval_moves_and_stretches_with_the_scores():
    values = np.random.default_rng(0).normal(size=12)
    low, high = iqm_interval(values)
    assert iqm_interval(3 * values - 100) == pytest.approx((3 * low - 100, 3 * high - 100))


def test_interval_of_equal_scores_is_a_point():
    assert iqm_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)


def test_interval_covers_the_centre_of_a_symmetric_law_about_95_times_in_100():
    data = np.random.default_rng(0).normal(size=(100, 24))
    covered = sum(low <= 0 <= high for low, high in map(iqm_interval, data))
    # The percentile bootstrap of 24 scores is a little short of 95 %; three standard deviations are 7
    assert covered >= 85


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
