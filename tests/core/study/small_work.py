"""A job that takes no time, in a module that other processes find."""

import os
from pathlib import Path


def work(settings, seed, bench):
    """Counts its calls in the bench's folder; fails for seed 13, is interrupted at seed 99."""
    with (Path(bench) / "calls").open("a") as calls:
        calls.write(f"{settings['name']} {seed} {os.getpid()}\n")
    if seed == 13:
        raise ZeroDivisionError("no luck\nat all")
    if seed == 99:
        raise KeyboardInterrupt
    return {"regret": float(seed)}
