"""Small trainings that are over in a moment: 16x16 images of bars, a narrow network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lightning_fabric import Fabric

from ca2_gan.data import Dataset
from ca2_gan.data.cleaning import Raw, clean
from ca2_gan.training.config import Config
from ca2_gan.training.state import TrainingState
from ca2_gan.training.trainer import Trainer

NARROW = {"options": ("width=8",), "batch_size": 8, "log_every": 32, "sample_every": 0, "tensorboard": False, "progress": False}


def bars(n: int = 120, side: int = 16, num_classes: int = 3) -> Dataset:
    """Vertical bars, their place the class, with noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(n, dtype=np.int64) % num_classes
    images = rng.integers(0, 60, (n, side, side), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 + 4 * label : 5 + 4 * label] += 180
    return clean(Raw("bars", images, labels, dict(enumerate("ABCDEFGH"[:num_classes]))))


@pytest.fixture
def data() -> Dataset:
    return bars()


@pytest.fixture(scope="session")
def fabric() -> Fabric:
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    return fabric


@pytest.fixture
def config() -> Callable[..., Config]:
    return lambda **changes: Config.of({"model": "dcgan_radford", "data": "bars"} | NARROW | changes)


@pytest.fixture
def begin(config: Callable[..., Config], data: Dataset, fabric: Fabric) -> Callable[..., TrainingState]:
    """A training at its beginning, of all the images."""
    return lambda **changes: TrainingState(config(**changes), data, fabric)


@pytest.fixture
def run(config: Callable[..., Config], data: Dataset, tmp_path: Path) -> Callable[..., Trainer]:
    """A run in the folder ``run``, or what is left to do of it."""

    def go(*callbacks, out: Path = tmp_path / "run", **changes: object) -> Trainer:
        trainer = Trainer(config(**changes), data, out=out, callbacks=callbacks)
        trainer.fit(resume=True)
        return trainer

    return go
