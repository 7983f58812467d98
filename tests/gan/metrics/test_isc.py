"""The Inception Score."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_isc import isc_features_to_metric

from ca2_gan.metrics.isc import inception_score


def test_equals_torch_fidelity():
    logits = np.random.default_rng(0).normal(size=(500, 7), scale=3)
    expected = isc_features_to_metric(torch.from_numpy(logits), splits=1)["inception_score_mean"]
    assert inception_score(logits) == pytest.approx(expected, rel=1e-10)


def test_sure_images_of_all_classes_have_the_number_of_classes_and_equal_ones_have_one():
    sure = 1000 * np.eye(5)[np.arange(50) % 5]
    assert inception_score(sure) == pytest.approx(5)
    assert inception_score(sure[:1].repeat(20, axis=0)) == pytest.approx(1)
    assert inception_score(np.zeros((20, 5))) == pytest.approx(1)


def test_an_image_that_counts_twice_is_there_twice():
    logits = np.random.default_rng(0).normal(size=(4, 3))
    assert inception_score(logits, np.array([2, 0, 1, 1])) == pytest.approx(inception_score(logits[[0, 0, 2, 3]]))
