"""Imports of the user's own modules, which need not be installed."""

import sys
from pathlib import Path


def search(folder: Path) -> None:
    """Makes the modules of a folder importable, after installed ones, in this process and in worker processes on this machine."""
    if (path := str(folder.resolve())) not in sys.path:
        sys.path.append(path)
