"""The sliced distance behind MIND."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from ca2_gan.metrics.sliced import sliced_distance


def features(n, d, seed, shift=0.0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(n, d)) + shift


def test_of_one_dimension_it_is_the_cheapest_way_to_carry_one_side_to_the_other():
    x, y = features(30, 1, 0), features(30, 1, 1, shift=0.5)
    costs = (x - y.T) ** 2
    rows, columns = linear_sum_assignment(costs)
    assert sliced_distance(x, y).value == pytest.approx(costs[rows, columns].mean(), rel=1e-12)


def test_a_shift_costs_its_square_over_the_number_of_dimensions():
    x, shift = features(50, 8, 0), np.linspace(-1, 1, 8)
    assert sliced_distance(x, x + shift, 20_000).value == pytest.approx((shift**2).sum() / 8, rel=0.02)


def test_of_wide_and_narrow_gaussians_it_is_the_square_of_the_difference_of_their_deviations():
    narrow, wide = features(20_000, 4, 0), features(20_000, 4, 1, scale=1.5)
    assert sliced_distance(narrow, wide).value == pytest.approx(0.25, rel=0.05)


def test_nothing_between_the_same_and_no_order_matters():
    x, y = features(200, 8, 0), features(200, 8, 1, 0.3)
    assert sliced_distance(x, x[::-1]).value == pytest.approx(0, abs=1e-20)
    assert sliced_distance(x, y).value == pytest.approx(sliced_distance(y[::-1], x).value, rel=1e-12)


def test_images_drawn_again_scatter_as_new_ones_do():
    def pair(i):
        return features(300, 8, 2 * i), features(300, 8, 2 * i + 1, 0.7)

    anew = [sliced_distance(*pair(i), directions=64).value for i in range(100)]
    rng, found = np.random.default_rng(0), sliced_distance(*pair(0))
    again = [found.again(rng) for _ in range(100)]
    assert np.std(again) == pytest.approx(np.std(anew), rel=0.4)


def test_sides_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"same shape are needed, got \[5, 3\] and \[6, 3\]"):
        sliced_distance(features(5, 3, 0), features(6, 3, 1))
