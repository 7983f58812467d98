"""The same numbers every time and on every machine: one thread, a fixed seed, and no deadlines, which a busy machine would miss."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile(
    "calm", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow], database=None
)
hypothesis.settings.load_profile("calm")


@pytest.fixture(scope="session", autouse=True)
def _processes() -> Iterator[None]:
    """Those that tests start have one thread too, and find what is in stand_ins/ first; this one has the real packages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", str(Path(__file__).with_name("stand_ins")), prepend=os.pathsep)
        yield


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
