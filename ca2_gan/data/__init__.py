"""Images with labels: reading, cleaning, splitting, and looking at them.

>>> from ca2_gan.data import load
>>> train, test = load("glyphs").split()
"""

from ca2_gan.data import downloads as _downloads  # noqa: F401  (registers data sets)
from ca2_gan.data import glyphs as _glyphs  # noqa: F401  (registers a data set)
from ca2_gan.data.dataset import Dataset
from ca2_gan.data.report import Report
from ca2_gan.data.sources import load

__all__ = ["Dataset", "Report", "load"]
