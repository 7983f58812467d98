"""Diversity within the classes."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from ca2_gan import evaluate
from ca2_gan.metrics.diversity import near_duplicates, spread


def test_the_spread_is_the_mean_squared_distance_of_two_images():
    features = np.random.default_rng(0).normal(size=(40, 6))
    assert spread(features) == pytest.approx((pdist(features) ** 2).mean(), rel=1e-10)


def test_near_duplicates_are_those_nearer_than_real_images_are():
    rng = np.random.default_rng(0)
    real, others = rng.normal(size=(500, 6)), rng.normal(size=(500, 6))
    assert near_duplicates(real, others).mean() < 0.01
    copied = np.concatenate([others[:250], others[:250] + 1e-3 * rng.normal(size=(250, 6))])
    assert near_duplicates(real, copied).all()
    assert near_duplicates(real, np.zeros((500, 6))).all()


def labelled(bars, n, seed, change=None):
    images, labels = bars(n, seed=seed)
    if change is not None:
        images = change(images.copy(), labels)
    return images, labels


def one_image(images, labels):
    """All of class B are the same."""
    images[labels == 1] = images[labels == 1][0]
    return images


def one_image_in_noise(images, labels):
    """All of class B differ by a grey level or so."""
    noise = np.random.default_rng(0).integers(0, 3, images.shape, dtype=np.uint8)
    images[labels == 1] = images[labels == 1][0] // 2 + noise[labels == 1]
    return images


@pytest.mark.parametrize("change", [one_image, one_image_in_noise])
def test_a_class_of_equal_or_nearly_equal_images_is_noticed_and_named(bars, data, change):
    real = labelled(bars, 150, 1)
    plain = evaluate(labelled(bars, 150, 2), real, ["diversity"], train=data, resamples=10)
    assert plain["diversity"].value == pytest.approx(1, abs=0.4)
    assert plain["diversity_min"].value > 0.4
    assert plain["near_duplicates"].value < 0.2
    found = evaluate(labelled(bars, 150, 2, change), real, ["diversity"], train=data, resamples=10)
    assert found["diversity_min"].value < 0.1
    assert found["near_duplicates"].value > 0.9
    assert found["diversity_min"].note == "of class B: its images hardly differ."
    assert found["near_duplicates"].note == "in class B."
    assert found["diversity"].value > 0.5  # the mean alone would hide it


def test_a_class_without_images_leaves_no_number(bars, data):
    images, labels = bars(100, seed=1)
    found = evaluate((images[labels < 2], labels[labels < 2]), bars(100, seed=2), ["diversity"], train=data)
    assert {score.value for score in found.values()} == {None}
    assert "fewer than 10 images of C" in found["diversity"].note
