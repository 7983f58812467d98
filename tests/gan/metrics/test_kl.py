import numpy as np
import pytest
import scipy.stats

from ca2_gan.metrics.kl import EPSILON, kl_divergence


def test_equals_scipys_entropy():
    rng = np.random.default_rng(0)
    p, q = rng.integers(1, 100, 26), rng.integers(1, 100, 26)
    assert kl_divergence(p, q) == pytest.approx(scipy.stats.entropy(p, q), rel=1e-5)


def test_nothing_between_equal_histograms_of_any_size():
    assert kl_divergence(np.array([1, 2, 0]), np.array([10, 20, 0])) == pytest.approx(0, abs=1e-12)


def test_a_class_that_is_never_made_costs_what_epsilon_says():
    found = kl_divergence(np.array([50, 50]), np.array([100, 0]))
    assert found == pytest.approx(0.5 * np.log(0.5) + 0.5 * np.log(0.5 / EPSILON), rel=1e-3)


def test_floor_of_two_samples_of_the_same_distribution():
    rng = np.random.default_rng(0)
    k, n = 26, 2000
    found = [kl_divergence(np.bincount(rng.integers(0, k, n), minlength=k), np.full(k, 1)) for _ in range(200)]
    assert np.mean(found) == pytest.approx((k - 1) / (2 * n), rel=0.1)


@pytest.mark.parametrize(("p", "q"), [([1, 2], [1, 2, 3]), ([0, 0], [1, 1])])
def test_what_cannot_be_compared(p, q):
    with pytest.raises(ValueError, match="histograms"):
        kl_divergence(np.array(p), np.array(q))
