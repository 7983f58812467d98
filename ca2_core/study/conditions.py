"""Under which conditions something was measured."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of the packages that decide an outcome."""
    return {name: version(name) for name in packages}


def machine(workers: int) -> dict[str, Any]:
    """The processor, its cores, and how many jobs shared them."""
    return {"cpu": cpu_name(), "cores": os.cpu_count(), "jobs at a time": workers}


def cpu_name() -> str:
    """The processor, as the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux
        return platform.processor()


def core_seconds() -> float:
    """Time on a core of this process and of the programs it ran: unlike the clock's, it does not grow where a machine is shared."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
