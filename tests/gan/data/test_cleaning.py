import numpy as np
import pytest

from ca2_core.errors import UserError
from ca2_gan.data.cleaning import Raw, clean


def test_blank_and_unlabelled_images_are_dropped_and_counted_apart(images, labels):
    images[0], images[1] = 0, 255  # blank, with a label and without
    labels[[1, 2]] = -1  # the third is not blank
    report = clean(Raw("x", images, labels)).report
    assert (report.rows, report.blanks, report.blanks_unlabelled, report.unlabelled, report.images) == (40, 2, 1, 1, 37)


def test_what_is_kept_is_what_was_there(images, labels):
    expected = np.delete(images.copy(), [3, 17], axis=0)
    images[[3, 17]] = 7
    data = clean(Raw("x", images, labels.copy()))
    np.testing.assert_array_equal(data.images[:, 0], expected)
    np.testing.assert_array_equal(data.labels, np.delete(labels, [3, 17]))


def test_labels_become_0_to_k_minus_1_and_keep_their_names(images, labels):
    data = clean(Raw("x", images, labels * 10 + 3))
    np.testing.assert_array_equal(data.labels, labels)
    assert data.class_names == ("3", "13", "23", "33")
    assert data.report.labels == {3: 0, 13: 1, 23: 2, 33: 3}


@pytest.mark.parametrize(("first", "count"), [(1, 26), (1, 13), (0, 26)])
def test_labels_that_can_only_be_letters_are_named_so(first, count, images):
    labels = np.arange(40) % count + first
    assert clean(Raw("x", images, labels)).class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:count])


def test_ten_digits_are_not_taken_for_letters(images):
    assert clean(Raw("x", images, np.arange(40) % 10)).class_names == tuple("0123456789")


def test_transposing_swaps_rows_and_columns_of_every_channel(labels):
    images = np.random.default_rng(1).integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
    expected = images.swapaxes(2, 3).copy()
    np.testing.assert_array_equal(clean(Raw("x", images.copy(), labels), transpose=True).images, expected)
    np.testing.assert_array_equal(clean(Raw("x", images.copy(), labels, transposed=True)).images, expected)
    np.testing.assert_array_equal(clean(Raw("x", images.copy(), labels, transposed=True), transpose=False).images, images)


def test_chosen_classes_are_numbered_anew(images, labels):
    names = dict(enumerate("ABCD"))
    data = clean(Raw("x", images.copy(), labels, names), classes=["D", "B"])
    assert data.class_names == ("B", "D")
    np.testing.assert_array_equal(data.images[:, 0], images[np.isin(labels, [1, 3])])
    assert set(data.labels) == {0, 1}
    assert data.report.other_classes == 20


def test_unknown_class_gets_the_nearest(images, labels):
    with pytest.raises(UserError, match=r"no class 'a' in it. Did you mean 'A'\? It has A B C D"):
        clean(Raw("x", images, labels, dict(enumerate("ABCD"))), classes=["a"])


def test_duplicates_are_counted_and_kept(images, labels):
    images[5] = images[1]  # labels 1 and 1
    images[6] = images[1]  # labels 2 and 1
    report = clean(Raw("x", images, labels)).report
    assert (report.duplicates, report.conflicting, report.images) == (2, 1, 40)


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.full(40, -1), "no image left"), (np.arange(39), "40 images but 39 labels"), (np.full(40, -2), "labelled -2")],
)
def test_unusable_labels_are_refused(images, labels, message):
    with pytest.raises(UserError, match=message):
        clean(Raw("x", images, labels))


def test_images_that_are_not_square_cannot_be_transposed(labels):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 6), dtype=np.uint8)
    with pytest.raises(UserError, match="not square"):
        clean(Raw("x", images, labels), transpose=True)


def test_large_data_are_cleaned_without_a_second_copy(images):
    """A million images fit into memory once, not twice."""
    many = np.tile(images[:, None], (500, 1, 1, 1))
    many[::3] = 0
    data = clean(Raw("x", many, np.arange(len(many)) % 2), transpose=True)
    assert np.shares_memory(data.images, many)
