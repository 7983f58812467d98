"""Modules of a user's own, which need not be installed."""

import sys
from pathlib import Path


def search(folder: Path) -> None:
    """Lets modules of a folder be imported, after installed ones, in this process and in those that it starts on this machine."""
    if (path := str(folder.resolve())) not in sys.path:
        sys.path.append(path)
