"""Numbers too small for full precision, which some processors compute with many times slower."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch as th

SMALLEST_NORMAL = th.finfo(th.float32).tiny


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Takes denormal results for 0 within it, in this thread and in those that it starts.

    Adam's mean of a gradient that stays 0, as a dead ReLU's does, shrinks by beta1 at each step and is denormal after some
    800; with weight decay, so are weights. On processors that handle them in microcode, training then takes several times
    as long.
    """
    flushed_before = bool((th.tensor(SMALLEST_NORMAL) / 2 == 0).item())  # torch can set the mode, not tell it
    th.set_flush_denormal(True)
    try:
        yield
    finally:
        th.set_flush_denormal(flushed_before)
