import numpy as np
import pytest

from ca2_gan.metrics.bootstrap import Number, counts, interval, mean
from ca2_gan.metrics.frechet import frechet_distance, moments
from ca2_gan.metrics.kernel import kernel_distance


def test_interval_of_a_share_is_that_of_the_normal_approximation():
    found = mean(np.arange(1000) < 200)
    assert found.value == 0.2
    low, high = interval(found, resamples=2000)
    reach = 1.96 * (0.2 * 0.8 / 1000) ** 0.5
    assert low == pytest.approx(0.2 - reach, abs=0.05 * reach)
    assert high == pytest.approx(0.2 + reach, abs=0.05 * reach)


def test_interval_holds_the_truth_nineteen_times_of_twenty():
    rng = np.random.default_rng(0)
    bounds = [interval(mean(rng.normal(size=200)), resamples=60) for _ in range(400)]
    assert 0.92 < np.mean([low < 0 < high for low, high in bounds]) < 0.97


def test_the_same_seed_gives_the_same_interval_and_without_resamples_there_is_none():
    found = mean(np.random.default_rng(0).normal(size=50))
    assert interval(found, seed=1) == interval(found, seed=1) != interval(found, seed=2)
    assert interval(found, resamples=0) is None
    assert interval(Number(1.0)) is None


def test_weighted_moments_are_those_of_the_repeated_images():
    rng = np.random.default_rng(0)
    features, often = rng.normal(size=(50, 4)) + 10, counts(rng, 50)
    found, expected = moments(features, often), moments(np.repeat(features, often, axis=0))
    assert found.n == expected.n == 50
    np.testing.assert_allclose(found.mean, expected.mean)
    np.testing.assert_allclose(found.covariance, expected.covariance)
    with pytest.raises(ValueError, match="at least 2"):
        moments(features, np.zeros(50, dtype=np.int64))


def test_what_each_image_adds_to_the_kernel_distance_tells_how_far_it_moves():
    """Against many samples drawn anew, from two distributions that differ."""
    rng = np.random.default_rng(0)
    values = [kernel_distance(rng.normal(size=(100, 3)), rng.normal(size=(100, 3)) + 1).value for _ in range(300)]
    found = kernel_distance(rng.normal(size=(100, 3)), rng.normal(size=(100, 3)) + 1)
    expected = ((found.of_real.var() + found.of_fake.var()) / 100) ** 0.5
    assert expected == pytest.approx(np.std(values), rel=0.35)


def test_resampling_frechet_tells_how_far_it_moves():
    rng = np.random.default_rng(0)

    def draw():
        return rng.normal(size=(300, 4)), rng.normal(size=(300, 4)) * 1.5 + 0.5

    values = [frechet_distance(*map(moments, draw())) for _ in range(200)]
    real, fake = draw()
    again = [frechet_distance(moments(real, counts(rng, 300)), moments(fake, counts(rng, 300))) for _ in range(200)]
    assert np.std(again) == pytest.approx(np.std(values), rel=0.25)


def test_intervals_stay_within_what_is_possible():
    low, high = interval(mean(np.arange(10) == 0))
    assert low == 0
    assert high < 0.5
    assert interval(mean(np.arange(10) > 0))[1] == 1
    assert interval(Number(0.1, lambda rng: rng.normal(), least=-np.inf))[0] < -1
