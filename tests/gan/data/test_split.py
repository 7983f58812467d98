import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ca2_core.errors import UserError
from ca2_gan import load_data
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


def test_train_and_test_are_the_split_and_their_own_parts():
    data = make_data()
    for part, same in zip((data.train, data.test), data.split(), strict=True):
        assert part.fingerprint == same.fingerprint
    assert data.train.train is data.train
    assert data.test.test is data.test
    for part, other in ((data.train, "test"), (data.test, "train")):
        with pytest.raises(UserError, match="only one part of the data"):
            getattr(part, other)


def test_a_loader_of_torch_takes_it():
    data = make_data(50)
    image, label = data[7]
    assert isinstance(data, torch.utils.data.Dataset)
    assert (image.dtype, tuple(image.shape), label) == (torch.uint8, (1, 8, 8), int(data.labels[7]))
    image.zero_()  # a copy
    batches = list(torch.utils.data.DataLoader(data.train, batch_size=16))
    np.testing.assert_array_equal(torch.cat([images for images, _ in batches]).numpy(), data.train.images)
    np.testing.assert_array_equal(torch.cat([labels for _, labels in batches]).numpy(), data.train.labels)


def test_arrays_and_tensors_are_copied():
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (300, 8, 8), dtype=np.uint8), rng.integers(0, 3, 300)
    images[0] = 7
    before = images.copy()
    data = load_data((images, labels), transpose=True)
    np.testing.assert_array_equal(images, before)
    assert data.fingerprint == load_data((torch.from_numpy(images), torch.from_numpy(labels)), transpose=True).fingerprint
    assert load_data((images, None)).class_names == ("all",)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([1, 2, 3],), "1 of them; a pair is needed"),
        (([[1, 2], [3]], [0, 1]), "no array of one shape"),
        ((None, None), r"images \[N, H, W\]"),
        ((np.ones((3, 8, 8)), [0, 1]), "3 images but 2 labels"),
        ((np.ones((0, 8, 8)), []), "no images in it"),
        ((np.full((3, 8, 8), "a"), [0, 1, 2]), "numbers are needed"),
    ],
)
def test_arrays_that_are_no_images(arrays, message):
    with pytest.raises(UserError, match=message):
        load_data(arrays)


def test_images_of_one_value_stay_where_a_generator_made_them(capsys):
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8), dtype=np.uint8)
    images[:5] = 0
    data = load_data((images, np.zeros(50)), keep_blanks=True)
    assert (len(data), data.report.blanks) == (50, 0)
    assert "Dropped" not in capsys.readouterr().err
