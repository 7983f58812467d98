"""The grid of actions that a Q-network chooses from."""

import itertools
import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from ca2_core.errors import UserError
from ca2_rl.common.action_bins import MAX_ACTIONS, ActionBins

TORQUE = spaces.Box(-2.0, 2.0, (1,), np.float32)


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "MountainCarContinuous-v0"])
@pytest.mark.parametrize("n_bins", [2, 3, 10, 11])
def test_grid_is_evenly_spaced_between_the_end_points_of_the_env(env_id, n_bins):
    space = gym.make(env_id).action_space
    actions = ActionBins(space, n_bins).actions
    assert actions.shape == (n_bins, 1)
    assert actions[0] == space.low
    assert actions[-1] == space.high
    np.testing.assert_allclose(np.diff(actions[:, 0]), (space.high - space.low)[0] / (n_bins - 1), rtol=1e-6)


@given(half=st.integers(1, 500))
def test_odd_counts_have_the_zero_of_a_symmetric_range_in_the_middle(half):
    assert ActionBins(TORQUE, 2 * half + 1).actions[half, 0] == pytest.approx(0, abs=1e-12)


@given(
    lows=st.lists(st.floats(-100, 100), min_size=1, max_size=3),
    widths=st.lists(st.floats(0.125, 100), min_size=3, max_size=3),
    n_bins=st.integers(2, 7),
)
def test_grid_is_the_product_of_every_dimension_s_own_values(lows, widths, n_bins):
    low = np.array(lows, dtype=np.float32)
    box = spaces.Box(low, low + np.array(widths[: len(lows)], dtype=np.float32))
    actions = ActionBins(box, n_bins).actions
    axes = [np.linspace(float(box.low[i]), float(box.high[i]), n_bins) for i in range(len(lows))]
    np.testing.assert_array_equal(actions, np.array(list(itertools.product(*axes)), dtype=np.float32))
    assert all(box.contains(action) for action in actions)


def test_two_dimensions_keep_their_different_bounds():
    box = spaces.Box(np.array([0.0, -3.0], np.float32), np.array([1.0, 3.0], np.float32))
    expected = [(0, -3), (0, 0), (0, 3), (0.5, -3), (0.5, 0), (0.5, 3), (1, -3), (1, 0), (1, 3)]
    np.testing.assert_array_equal(ActionBins(box, 3).actions, expected)


@pytest.mark.parametrize("shape", [(), (1,), (2,), (2, 2)])
def test_actions_have_the_shape_of_the_box(shape):
    box = spaces.Box(-1.0, 1.0, shape, np.float32)
    bins = ActionBins(box, 3)
    assert bins.actions.shape == (3 ** int(np.prod(shape)), *shape)
    assert all(box.contains(np.asarray(action)) for action in bins.actions)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_actions_have_the_dtype_of_the_box(dtype):
    assert ActionBins(spaces.Box(-1.0, 1.0, (1,), dtype), 5).actions.dtype == dtype


@pytest.mark.parametrize("start", [0, 1, -2])
def test_discrete_actions_are_those_of_the_space_whatever_n_bins_is(start):
    space = spaces.Discrete(3, start=start)
    for n_bins in (1, 11):
        bins = ActionBins(space, n_bins)
        np.testing.assert_array_equal(bins.actions, [start, start + 1, start + 2])
        assert all(space.contains(action) for action in bins.actions)


@pytest.mark.parametrize(("space", "n"), [(spaces.Discrete(3, start=5), 3), (TORQUE, 11), (spaces.Box(-1.0, 1.0, (2,)), 121)])
def test_indices_count_the_actions_from_zero(space, n):
    assert ActionBins(space, 11).index_space == spaces.Discrete(n)


@pytest.mark.parametrize("n_bins", [1, 0, -3, True, 2.5, 3.0, "3", None])
def test_fewer_than_two_bins_or_no_whole_number_is_refused(n_bins):
    with pytest.raises(UserError, match=re.escape(f"n_bins={n_bins!r}")):
        ActionBins(TORQUE, n_bins)


def test_a_whole_number_of_numpy_is_a_whole_number():
    np.testing.assert_array_equal(ActionBins(TORQUE, np.int64(5)).actions, ActionBins(TORQUE, 5).actions)


@pytest.mark.parametrize(("low", "high"), [(-np.inf, np.inf), (-1.0, np.inf), (-np.inf, 1.0)])
def test_a_box_without_finite_bounds_is_refused(low, high):
    with pytest.raises(UserError, match="no finite bounds"):
        ActionBins(spaces.Box(low, high, (1,), np.float32), 3)


@pytest.mark.parametrize(
    "space", [spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(2), spaces.Tuple([spaces.Discrete(2)]), spaces.Dict(a=TORQUE)], ids=repr
)
def test_other_kinds_of_spaces_are_refused_by_name(space):
    with pytest.raises(UserError, match=re.escape(str(space))):
        ActionBins(space, 3)


@pytest.mark.parametrize("dims", range(1, 13))
def test_too_many_actions_are_refused_with_the_largest_count_that_fits(dims):
    box = spaces.Box(-1.0, 1.0, (dims,))
    with pytest.raises(UserError, match=r"use n_bins=\d+") as refusal:
        ActionBins(box, MAX_ACTIONS + 1)
    fits = int(re.search(r"use n_bins=(\d+)", str(refusal.value)).group(1))
    assert len(ActionBins(box, fits).actions) <= MAX_ACTIONS
    with pytest.raises(UserError):
        ActionBins(box, fits + 1)


def test_where_no_count_fits_an_actor_critic_is_advised():
    with pytest.raises(UserError, match="actor-critic"):
        ActionBins(spaces.Box(-1.0, 1.0, (13,)), 2)


def test_box_of_integers_has_each_value_once():
    assert ActionBins(spaces.Box(0, 5, (1,), np.int32), 11).actions.ravel().tolist() == [0, 1, 2, 3, 4, 5]


def test_thousands_of_dimensions_are_refused_in_one_line():
    with pytest.raises(UserError, match="5000 actions"):
        ActionBins(spaces.Box(-1.0, 1.0, (5000,), np.float32), 3)
