import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.image import fid

from ca2_gan.metrics import Moments, frechet_distance, moments


def features(n, d, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


@pytest.mark.parametrize(("n", "d"), [(300, 8), (500, 64)])
def test_equals_torchmetrics_on_the_same_features(n, d):
    class Flat(torch.nn.Module):
        """A "network" whose features are its input."""

        def forward(self, images):
            return images.flatten(1)

    real, fake = (torch.from_numpy(features(n, d, seed)).view(n, 1, 1, d) for seed in (0, 1))
    flat = Flat()
    flat.num_features = d
    metric = fid.FrechetInceptionDistance(feature=flat, normalize=True, input_img_size=(1, 1, d)).set_dtype(torch.float64)
    metric.inception = flat
    # Its update would resize and clip to bytes on the way to a network of its own; with another it hands them on as they are
    metric.update(real, real=True)
    metric.update(fake, real=False)
    ours = frechet_distance(moments(real.flatten(1).numpy()), moments(fake.flatten(1).numpy()))
    assert ours == pytest.approx(metric.compute().item(), rel=1e-6)


def test_equals_the_formula_with_a_matrix_root():
    real, fake = moments(features(400, 20, 0)), moments(features(300, 20, 1))
    shift = real.mean - fake.mean
    root = scipy.linalg.sqrtm(real.covariance @ fake.covariance).real
    expected = shift @ shift + np.trace(real.covariance + fake.covariance - 2 * root)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_equals_the_closed_form_of_one_dimension():
    real = Moments(10, np.array([1.0]), np.array([[4.0]]))
    fake = Moments(10, np.array([-2.0]), np.array([[9.0]]))
    assert frechet_distance(real, fake) == pytest.approx((1 + 2) ** 2 + (2 - 3) ** 2)


@pytest.mark.parametrize("n", [2, 10, 40])
def test_fewer_images_than_features(n):
    """The covariances are singular: still zero to itself, symmetric, and right where both lie in a plane."""
    real, fake = moments(features(n, 32, 0)), moments(features(n, 32, 1))
    assert abs(frechet_distance(real, real)) < 1e-9 * np.trace(real.covariance)
    assert frechet_distance(real, fake) == pytest.approx(frechet_distance(fake, real), rel=1e-10)
    plane = np.zeros((200, 32))
    plane[:, :2] = features(200, 2, 3)
    other = np.roll(plane, 1, axis=0) * 1.5
    assert frechet_distance(moments(plane), moments(other)) == pytest.approx(
        frechet_distance(moments(plane[:, :2]), moments(other[:, :2])), rel=1e-9
    )


@pytest.mark.parametrize(("n", "m"), [(200, 9), (20, 9), (200, 20)])
def test_covariances_of_different_rank(n, m):
    """As far apart as with a little variance added in every direction, which makes both regular: no rounding is rooted."""
    real, fake = moments(features(n, 32, 0)), moments(features(m, 32, 1))
    found = frechet_distance(real, fake)
    assert found == pytest.approx(frechet_distance(fake, real), rel=1e-12)
    near = [Moments(side.n, side.mean, side.covariance + 1e-12 * np.eye(32)) for side in (real, fake)]
    assert found == pytest.approx(frechet_distance(*near), rel=1e-5)


def test_equals_pytorch_fid(monkeypatch):
    """With variances over six orders of magnitude. SciPy 1.18 dropped the `disp` that it calls with."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    sqrtm = scipy.linalg.sqrtm
    monkeypatch.setattr(scipy.linalg, "sqrtm", lambda matrix, disp=None: (sqrtm(matrix), None))
    real, fake = (features(1000, 200, seed) * np.logspace(0, -3, 200) for seed in (0, 1))
    a, b = moments(real), moments(fake)
    expected = calculate_frechet_distance(a.mean, a.covariance, b.mean, b.covariance)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_all_fakes_equal():
    real, fake = moments(features(100, 8, 0)), moments(np.ones((100, 8)))
    expected = ((real.mean - 1) ** 2).sum() + np.trace(real.covariance)
    assert frechet_distance(real, fake) == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 120), st.integers(0, 2**32 - 1))
def test_moments_do_not_depend_on_the_batches(batch, seed):
    values = features(100, 5, seed % 1000) + 1e3  # far from 0, where sums of squares cancel
    found = moments(values, batch=batch)
    assert found.n == 100
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(values.T), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("batch", [1, 7, 4096])
def test_the_distance_does_not_depend_on_the_batch_size(batch):
    real, fake = features(200, 16, 0), features(150, 16, 1)
    expected = frechet_distance(moments(real), moments(fake))
    assert frechet_distance(moments(real, batch=batch), moments(fake, batch=batch)) == pytest.approx(expected, rel=1e-12)


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="at least 2"):
        moments(np.ones((1, 3)))
    with pytest.raises(ValueError, match="dimensions"):
        frechet_distance(moments(features(9, 3, 0)), moments(features(9, 4, 0)))
