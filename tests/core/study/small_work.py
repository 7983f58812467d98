"""A job that takes no time, in a module that other processes find."""

import os
import signal
from pathlib import Path


def work(settings, seed, bench):
    """Counts its calls in the bench's folder; fails for seed 13, is interrupted at seed 99, kills its process at seed 77, once, and 78."""
    with (Path(bench) / "calls").open("a") as calls:
        calls.write(f"{settings['name']} {seed} {os.getpid()}\n")
    marker = Path(bench) / f"killed {settings['name']}"
    if (seed == 77 and not marker.exists()) or seed == 78:
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == 13:
        raise ZeroDivisionError("no luck\nat all")
    if seed == 99:
        raise KeyboardInterrupt
    return {"regret": float(seed)}
