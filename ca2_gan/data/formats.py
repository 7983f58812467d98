"""The kinds of files and folders that can be read; each registers itself."""

from ca2_gan.data import csv, idx, npz, parquet, pictures

__all__ = ["csv", "idx", "npz", "parquet", "pictures"]
