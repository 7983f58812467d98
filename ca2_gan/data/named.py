"""The data sets that have a name; each registers itself."""

from ca2_gan.data import downloads, glyphs

__all__ = ["downloads", "glyphs"]
