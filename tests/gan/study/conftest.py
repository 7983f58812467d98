"""Trainings that take a moment."""

import numpy as np
import pytest

from ca2_gan.metrics import classifier

TINY = {"model": "dcgan_radford", "options": {"width": 8}, "batch_size": 8}


@pytest.fixture(scope="session")
def bars(tmp_path_factory):
    """A file of 700 noisy bars of three classes A, B, C; its reference classifiers have little time, and are kept for the session."""
    rng = np.random.default_rng(0)
    labels = np.arange(700) % 3
    images = rng.integers(0, 60, (700, 16, 16), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 + 4 * label : 5 + 4 * label] += 180
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(path, x=images, y=labels, class_names=np.array(list("ABC")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CA2_GAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(classifier, "FEWEST", 5_120)
        patch.setattr(classifier, "MOST", 5_120)
        yield path


@pytest.fixture
def content(bars):
    """What the file of a study of one tiny variant would say."""
    return {"budgets": [{"images": 64}], "second": ["fcd", "prdc", "acc"], "data": {"bars": {"source": str(bars)}}, "variants": {"x": TINY}}
