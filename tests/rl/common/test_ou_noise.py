"""The Ornstein-Uhlenbeck process. Each component of a large shape is a path of its own, which makes statistics tight."""

import copy
import math

import numpy as np
import pytest
from scipy import stats
from stable_baselines3.common.noise import VectorizedActionNoise

from ca2_core.errors import UserError
from ca2_rl.common.ou_noise import OUNoise

PATHS = 50_000
SETTINGS = [{"theta": 0.15, "dt": 1.0}, {"theta": 0.15, "dt": 0.05}, {"theta": 3.0, "dt": 1.0}, {"theta": 1e-9, "dt": 1.0}]


@pytest.fixture(autouse=True)
def _seeded():
    np.random.seed(0)


def walk(noise, steps):
    """[steps, *shape]"""
    return np.array([noise() for _ in range(steps)])


def variance(t, sigma, theta):
    """Of the process at time t after a start at its mean (Uhlenbeck & Ornstein 1930)."""
    return sigma**2 * (t if theta == 0 else -math.expm1(-2 * theta * t) / (2 * theta))


def assert_normal(samples, mean, var):
    """Mean, variance and shape within five standard errors."""
    n = len(samples)
    assert samples.mean() == pytest.approx(mean, abs=5 * math.sqrt(var / n))
    assert samples.var() == pytest.approx(var, rel=5 * math.sqrt(2 / n))
    assert stats.kstest(samples, stats.norm(mean, math.sqrt(var)).cdf).pvalue > 1e-6


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_transition_from_the_mean_has_the_law_of_the_process(setting):
    noise = OUNoise((PATHS,), sigma=0.2, mu=0.5, **setting)
    for k, x in enumerate(walk(noise, 4), start=1):
        assert_normal(x.astype(np.float64), 0.5, variance(k * setting["dt"], 0.2, setting["theta"]))


@pytest.mark.parametrize(("theta", "dt"), [(0.5, 1.0), (2.0, 0.5)])
def test_stationary_variance_is_sigma_squared_over_two_theta(theta, dt):
    noise = OUNoise((PATHS,), sigma=0.3, theta=theta, dt=dt)
    forgotten = math.ceil(12 / (theta * dt))
    x = walk(noise, forgotten)[-1].astype(np.float64)
    assert_normal(x, 0, 0.3**2 / (2 * theta))


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize(("theta", "dt"), [(0.15, 1.0), (1.0, 0.1)])
def test_ou_autocorrelation_matches_the_process(theta, dt, k):
    """Corr(x_t, x_{t+k}) = exp(-theta k dt) once stationary."""
    noise = OUNoise((PATHS,), theta=theta, dt=dt)
    walk(noise, math.ceil(10 / (theta * dt)))
    now = noise()
    later = walk(noise, k)[-1]
    rho = math.exp(-theta * k * dt)
    assert np.corrcoef(now, later)[0, 1] == pytest.approx(rho, abs=5 * (1 - rho**2) / math.sqrt(PATHS))


def test_theta_zero_is_brownian_motion():
    path = walk(OUNoise((PATHS,), sigma=0.2, theta=0.0, dt=0.25), 8).astype(np.float64)
    assert_normal(path[-1], 0, 0.2**2 * 8 * 0.25)
    increments = np.diff(path, axis=0)
    assert_normal(increments[-1], 0, 0.2**2 * 0.25)
    assert abs(np.corrcoef(increments)[0, 1:]).max() < 5 / math.sqrt(PATHS)


@pytest.mark.parametrize("theta", [0.0, 0.15, 2.0])
def test_finer_time_steps_leave_the_law_at_the_same_times_unchanged(theta):
    """One step of 1 and sixteen of 1/16, from the same start."""
    coarse, fine = (OUNoise((PATHS,), theta=theta, dt=dt) for dt in (1.0, 1 / 16))
    x, y = walk(coarse, 2), walk(fine, 32)[15::16]
    for one, other in zip(x, y, strict=True):
        assert stats.ks_2samp(one, other).pvalue > 1e-6
    cov_x, cov_y = np.cov(x), np.cov(y)
    np.testing.assert_allclose(cov_x, cov_y, rtol=10 * math.sqrt(2 / PATHS))


def test_components_are_independent():
    noise = OUNoise((4,), theta=1.0)
    path = walk(noise, 20_000)
    # Neighbouring steps correlate, so fewer of them count
    effective = 20_000 * math.tanh(1.0)
    correlations = np.corrcoef(path.T) - np.eye(4)
    assert abs(correlations).max() < 5 / math.sqrt(effective)


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_values_are_float32_of_the_action_s_shape(shape):
    x = OUNoise(shape)()
    assert x.shape == shape
    assert x.dtype == np.float32


def test_reset_starts_again_at_the_mean():
    noise = OUNoise((PATHS,), sigma=0.2, theta=0.1, mu=-0.3)
    walk(noise, 50)
    noise.reset()
    assert_normal(noise().astype(np.float64), -0.3, variance(1.0, 0.2, 0.1))


def test_without_sigma_the_noise_is_the_mean():
    assert np.array_equal(walk(OUNoise((2,), sigma=0.0, mu=0.25), 10), np.full((10, 2), 0.25))


def test_the_seed_of_numpy_fixes_the_path():
    np.random.seed(3)
    first = walk(OUNoise((2,)), 5)
    np.random.seed(3)
    assert np.array_equal(walk(OUNoise((2,)), 5), first)


def test_values_already_returned_do_not_change():
    noise = OUNoise((2,))
    x = noise()
    kept = x.copy()
    noise()
    noise.reset()
    assert np.array_equal(x, kept)


def test_copies_are_processes_of_their_own_and_only_the_named_are_reset():
    noise = VectorizedActionNoise(OUNoise((1,), sigma=1.0, theta=0.0), 3)
    path = walk(noise, 1000)[..., 0]
    increments = np.corrcoef(np.diff(path, axis=0).T) - np.eye(3)
    assert abs(increments).max() < 5 / math.sqrt(1000)
    before = copy.deepcopy(noise.noises)
    noise.reset(indices=[1])
    assert noise.noises[1]._x == 0
    assert all(noise.noises[i]._x == before[i]._x != 0 for i in (0, 2))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, value) for name in ("sigma", "theta") for value in (-0.1, math.nan, math.inf)],
        *[("dt", value) for value in (0.0, -1.0, math.nan, math.inf)],
        *[("mu", value) for value in (math.nan, math.inf, -math.inf)],
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(name, value):
    with pytest.raises(UserError, match=f"ou_{name}="):
        OUNoise((1,), **{name: value})
