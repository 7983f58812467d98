"""Under which conditions something was measured."""

import os
import platform
from pathlib import Path
from typing import Any


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


def core_seconds() -> float:
    """Time on a core of this process and of the programs it ran: unlike the clock's, it does not grow where a machine is shared."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
