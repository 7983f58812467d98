"""Small trainings that are over in a moment: 16x16 images of bars, a narrow network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lightning_fabric import Fabric

from ca2_gan.data import Dataset
from ca2_gan.data.dataset import digest_images
from ca2_gan.trainers.loop import Outcome, prepare, resume, train
from ca2_gan.trainers.settings import Settings
from ca2_gan.trainers.stopping import Stop
from ca2_gan.trainers.training import Training

NARROW = {"options": ("width=8",), "batch_size": 8, "log_every": 32, "sample_every": 0, "tensorboard": False, "progress": False}


def bars(n: int = 120, side: int = 16, num_classes: int = 3) -> Dataset:
    """Vertical bars, their place the class, with noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(n, dtype=np.int64) % num_classes
    images = rng.integers(0, 60, (n, 1, side, side), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[0, :, 2 + 4 * label : 5 + 4 * label] += 180
    return Dataset(images, labels, tuple("ABCDEFGH"[:num_classes]), digest_images(images), None)


@pytest.fixture
def data() -> Dataset:
    return bars()


@pytest.fixture(scope="session")
def fabric() -> Fabric:
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    return fabric


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: object) -> Settings:
        return Settings(**{"model": "dcgan_radford", "data": "bars", "out": tmp_path / "run", **NARROW, **changes})

    return make


@pytest.fixture
def begin(settings: Callable[..., Settings], data: Dataset, fabric: Fabric) -> Callable[..., Training]:
    """A training at its beginning."""
    return lambda **changes: prepare(settings(**changes), data, fabric)


@pytest.fixture
def run(settings: Callable[..., Settings], data: Dataset, fabric: Fabric) -> Callable[..., Outcome]:
    """A whole training."""

    def go(stop: Stop | None = None, evaluate=None, **changes: object) -> Outcome:
        return train(resume(settings(**changes), data, fabric), fabric, stop or Stop(), evaluate)

    return go
