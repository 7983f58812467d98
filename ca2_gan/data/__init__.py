"""Labelled images: reading, cleaning, splitting and exploring them.

>>> from ca2_gan.data import load_data
>>> data = load_data("glyphs")
>>> data.train, data.test
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ca2_gan.data.raw import Format, Raw

if TYPE_CHECKING:
    from ca2_gan.data.dataset import Dataset
    from ca2_gan.data.report import Report
    from ca2_gan.data.sources import load_data, read

__all__ = ["Dataset", "Format", "Raw", "Report", "load_data", "read"]

_HOMES = {"Dataset": "dataset", "Report": "report", "load_data": "sources", "read": "sources"}


def __getattr__(name: str) -> Any:
    # Imported on first use: Dataset needs torch, which takes seconds to import
    if name in _HOMES:
        return getattr(import_module(f"ca2_gan.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ca2_gan.data' has no attribute {name!r}")
