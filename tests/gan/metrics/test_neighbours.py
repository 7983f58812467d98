import numpy as np
import pytest
import scipy.spatial
import scipy.stats
from prdc import compute_prdc

from ca2_gan.metrics.neighbours import is_copy, nearer, nearest, precision_recall_density_coverage


def prdc(*sides, **options):
    return {name: values.mean() for name, values in precision_recall_density_coverage(*sides, **options).items()}


def features(n, d, seed, shift=0.0, dtype=np.float64):
    return (np.random.default_rng(seed).normal(size=(n, d)) + shift).astype(dtype)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_the_authors_exactly(k, shift, dtype):
    real, fake = features(300, 6, 0, dtype=dtype), features(220, 6, 1, shift, dtype=dtype)
    expected = compute_prdc(real.astype(np.float64), fake.astype(np.float64), nearest_k=k)
    found = prdc(real, fake, k=k)
    for name in ("precision", "recall", "coverage"):
        assert found[name] == expected[name]
    assert found["density"] == pytest.approx(expected["density"], rel=1e-12)  # 1 / k times a mean, or a mean over k


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_the_chunk_changes_nothing(chunk):
    real, fake = features(150, 64, 0), features(130, 64, 1, 0.1)
    assert prdc(real, fake, chunk=chunk) == prdc(real, fake)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_nearest_are_those_of_a_k_d_tree(chunk):
    of, among = features(60, 5, 0) + 100, features(80, 5, 1) + 100  # far from 0, where squares cancel
    distances, positions = nearest(of, among, 3, chunk)
    expected = scipy.spatial.KDTree(among).query(of, 3)
    np.testing.assert_allclose(distances, expected[0], rtol=1e-9)
    np.testing.assert_array_equal(positions, expected[1])


def test_equal_vectors_are_at_no_distance():
    """Also through a matrix product: copies of real images would otherwise be within reach of each other by chance."""
    real = features(300, 64, 0)
    assert (nearest(real, real[::-1].copy(), 1)[0] == 0).all()


def test_copies_of_training_images_are_found_and_new_images_are_none():
    train, new = features(500, 8, 0), features(100, 8, 1)
    fakes = np.concatenate([train[:30] + 1e-3, new])
    found = is_copy(nearest(fakes, train, 2)[0])
    assert found[:30].all()
    assert found[30:].mean() < 0.02


def test_nearer_is_the_statistic_of_mann_and_whitney():
    rng = np.random.default_rng(0)
    fake, held_out = rng.integers(0, 8, 50).astype(float), rng.integers(2, 10, 70).astype(float)  # with ties
    expected = scipy.stats.mannwhitneyu(held_out, fake).statistic / (50 * 70)
    assert nearer(fake, held_out).mean() == pytest.approx(expected)
    assert nearer(held_out, held_out).mean() == pytest.approx(0.5)


def test_copies_of_one_real_image_are_precise_but_cover_nothing():
    real = features(100, 4, 0)
    found = prdc(real, np.repeat(real[:1], 50, axis=0))
    assert found["precision"] == 1
    assert found["recall"] == 0
    assert found["coverage"] < 0.2


def test_too_few():
    with pytest.raises(ValueError, match="more than 5"):
        prdc(features(5, 2, 0), features(9, 2, 1))
