import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca2_core.errors import UserError
from ca2_gan.data.cleaning import Raw, clean
from ca2_gan.data.dataset import HELD_OUT, digest_images


def make_data(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    return clean(Raw("x", rng.integers(0, 256, (n, 8, 8), dtype=np.uint8), rng.integers(0, 3, n)))


def digests(part):
    return set(part.digests.tolist())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_changes_nothing(seed):
    data = make_data(300)
    shuffled = data.subset(np.random.default_rng(seed).permutation(len(data)))
    for part, other in zip(data.split(), shuffled.split(), strict=True):
        assert digests(part) == digests(other)


def test_other_images_and_chosen_classes_change_nothing():
    data = make_data()
    _, test = data.split()
    _, test_of_half = data.subset(np.arange(1000)).split()
    assert digests(test_of_half) == digests(test) & digests(data.subset(np.arange(1000)))
    _, test_of_class = data.subset(data.labels == 1).split.__func__(data.subset(data.labels < 3))
    assert digests(test_of_class) == digests(test)


def test_parts_are_disjoint_complete_and_of_the_expected_size():
    data = make_data()
    train, test = data.split()
    assert digests(train).isdisjoint(digests(test))
    assert digests(train) | digests(test) == digests(data)
    assert abs(len(test) / len(data) - HELD_OUT) < 4 * np.sqrt(HELD_OUT * (1 - HELD_OUT) / len(data))


def test_equal_images_fall_on_the_same_side():
    data = make_data()
    twice = data.subset(np.concatenate([np.arange(len(data)), np.arange(len(data))]))
    train, test = twice.split()
    assert digests(train).isdisjoint(digests(test))


def test_the_hash_sees_pixels_and_shape():
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 4, 9), dtype=np.uint8)
    reshaped, changed = images.reshape(2, 1, 6, 6), images.copy()
    changed[0, 0, 3, 8] ^= 1
    assert digest_images(images)[0] != digest_images(reshaped)[0]
    assert digest_images(images)[0] != digest_images(changed)[0]
    assert digest_images(images)[1] == digest_images(changed)[1]


def test_the_fingerprint_sees_labels_and_names():
    data = make_data(50)
    other_label = data.subset(np.arange(50))
    other_label.labels[0] = (other_label.labels[0] + 1) % 3
    assert data.fingerprint == make_data(50).fingerprint
    assert data.fingerprint != other_label.fingerprint
    assert data.fingerprint != make_data(50, seed=1).fingerprint


def test_too_few_images_are_refused():
    with pytest.raises(UserError, match="too few"):
        make_data(3).split()
