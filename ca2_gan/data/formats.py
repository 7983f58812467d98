"""The kinds of files and folders that can be read; each registers itself."""

from ca2_gan.data import csv, folder, idx, npz, parquet

__all__ = ["csv", "folder", "idx", "npz", "parquet"]
