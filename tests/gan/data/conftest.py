import numpy as np
import pytest


@pytest.fixture
def images():
    """40 images of noise, [40, 8, 8], none blank, none equal."""
    return np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)


@pytest.fixture
def labels():
    return np.arange(40, dtype=np.int64) % 4


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """A cache of each test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("CA2_GAN_CACHE", str(folder))
    return folder
