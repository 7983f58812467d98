"""The conditions of a measurement: versions, machine, time."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions of the packages."""
    return {name: version(name) for name in packages}


def machine(workers: int) -> dict[str, Any]:
    """The processor, its number of cores, and the number of jobs that shared them."""
    return {"cpu": cpu_name(), "cores": os.cpu_count(), "jobs at a time": workers}


def cpu_name() -> str:
    """Name of the processor, from the operating system."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux
        return platform.processor()


def core_seconds() -> float:
    """CPU seconds of this process and of its finished child processes. Unlike wall-clock time, they hardly grow on a busy machine."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
