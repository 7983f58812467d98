"""FLD and the mixture of Gaussians behind it."""

import numpy as np
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from ca2_gan import evaluate
from ca2_gan.metrics.mixture import Mixture


def features(n, d, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def test_likelihoods_are_those_of_the_formula():
    centers, points = features(4, 3, 0), features(7, 3, 1)
    mixture = Mixture(centers).fit(features(30, 3, 2))
    variances = mixture.log_variances.exp().numpy()
    densities = [[multivariate_normal(center, v).pdf(point) for center, v in zip(centers, variances, strict=True)] for point in points]
    np.testing.assert_allclose(mixture.log_likelihoods(points), np.log(np.mean(densities, axis=1)) / 3, rtol=1e-4)


def test_variances_are_the_likeliest_ones():
    """Beside SciPy's optimiser, with the wide Gaussian that takes what is far."""
    centers, points = features(3, 2, 0), features(60, 2, 1)
    squares = ((points[:, None] - centers) ** 2).sum(axis=2)
    to_mean = 0.81 * ((points - points.mean(axis=0)) ** 2).sum(axis=1)

    def loss(log_variances):
        def log_density(squares, log_variance):
            return -0.5 * squares / np.exp(log_variance) - log_variance - np.log(2 * np.pi)

        terms = log_density(np.column_stack([squares, to_mean]), log_variances) - np.log([3, 3, 3, 1])
        return -np.logaddexp.reduce(terms, axis=1).mean()

    best = min(
        (minimize(loss, start, method="Nelder-Mead") for start in np.random.default_rng(0).normal(size=(5, 4))), key=lambda it: it.fun
    )
    mixture = Mixture(centers).fit(points)
    found = mixture.log_variances.numpy()
    assert min(loss(np.append(found, wide)) for wide in np.linspace(-4, 4, 400)) <= best.fun + 0.02


def test_a_center_on_a_point_gets_no_width():
    points = features(50, 4, 0)
    log_variances = Mixture(np.concatenate([points[:1], features(20, 4, 1)])).fit(points).log_variances
    assert log_variances[0] < -20
    assert log_variances[1:].min() > -5


def test_copies_of_training_images_are_worse_than_new_ones_and_bad_ones_worse_than_good(bars, data):
    real = bars(150, seed=1)

    def fld(images):
        return evaluate(images, real, ["fld"], train=data, resamples=10)["fld"]

    rng = np.random.default_rng(0)
    new, copies = fld(bars(150, seed=2)), fld((data.images[:150, 0], data.labels[:150]))
    noise = fld((rng.integers(0, 255, (150, 16, 16), dtype=np.uint8), np.arange(150) % 3))
    assert abs(new.value) < 60
    assert copies.value > new.value + 200
    assert noise.value > new.value + 100
    assert new.low <= new.value <= new.high
