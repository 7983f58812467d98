import numpy as np
import pytest

from ca2_gan.data.cleaning import Raw, clean


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Shared by the tests: each extractor is trained once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _use_cache(cache, monkeypatch):
    monkeypatch.setenv("CA2_GAN_CACHE", str(cache))


def make_bars(n, seed=0, classes=3):
    """Noisy bars, upright, lying or slanting: images uint8 [n, 16, 16] and their classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    images = rng.integers(0, 60, (n, 16, 16))
    for image, label in zip(images, labels, strict=True):
        position = rng.integers(4, 12)
        match label:
            case 0:
                image[:, position] += 180
            case 1:
                image[position] += 180
            case _:
                np.einsum("ii->i", image)[:] += 180
    return images.astype(np.uint8), labels


@pytest.fixture
def bars():
    return make_bars


@pytest.fixture
def data():
    """700 noisy bars of three classes, A, B, C."""
    return clean(Raw("bars", *make_bars(700), dict(enumerate("ABC"))))


@pytest.fixture(autouse=True)
def _short_training(monkeypatch):
    """The extractor sees 7,680 images instead of 40,000: enough for bars."""
    from ca2_gan.metrics import classifier

    monkeypatch.setattr(classifier, "FEWEST", 7_680)
    monkeypatch.setattr(classifier, "MOST", 7_680)
