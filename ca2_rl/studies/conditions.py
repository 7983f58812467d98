"""Under which conditions something was measured."""

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("ca2", "stable-baselines3", "sb3-contrib", "rl-zoo3", "gymnasium", "torch", "numpy")


@cache
def versions() -> dict[str, str]:
    """Of the packages that decide an outcome."""
    return {name: version(name) for name in PACKAGES}


def machine(jobs: int) -> dict[str, Any]:
    """The processor, its cores, and how many trainings shared them."""
    return {"cpu": cpu_name(), "cores": os.cpu_count(), "trainings at a time": jobs}


def cpu_name() -> str:
    """The processor, as the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux
        return platform.processor()
