"""Flushes denormal numbers, which make some processors many times slower."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch as th

SMALLEST_NORMAL = th.finfo(th.float32).tiny


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Rounds denormal results to 0 during the block, in this thread and in threads that it starts.

    If a gradient stays 0, for example that of a dead ReLU, Adam's running mean of it shrinks by beta1 at each step and becomes
    denormal after about 800 steps. With weight decay, weights become denormal too. On processors that handle denormals in
    microcode, training then takes several times as long.
    """
    flushed_before = bool((th.tensor(SMALLEST_NORMAL) / 2 == 0).item())  # PyTorch can set the mode but not report it
    th.set_flush_denormal(True)
    try:
        yield
    finally:
        th.set_flush_denormal(flushed_before)
