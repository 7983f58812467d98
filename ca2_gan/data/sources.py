"""What ``--data`` takes."""

import inspect
from collections.abc import Sequence
from pathlib import Path

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.data.cleaning import Raw, clean
from ca2_gan.data.csv import read_csv
from ca2_gan.data.dataset import Dataset
from ca2_gan.data.folder import has_pictures, read_image_folder
from ca2_gan.data.idx import find_images, is_idx, read_folder, read_pair
from ca2_gan.data.npz import read_npz
from ca2_gan.data.parquet import read_parquet
from ca2_gan.registry import datasets

FORMATS = "a CSV (.csv, .csv.gz), an IDX pair, .npz, .parquet or a folder of pictures"


def load(
    source: str | Path,
    *,
    root: str | Path | None = None,
    classes: Sequence[str] | None = None,
    transpose: bool | None = None,
    seed: int | None = None,
    size: int | None = None,
) -> Dataset:
    """Reads and cleans a data set.

    :param source: a name (``glyphs``, ``emnist-letters``, ``mnist``, ``fashion-mnist``) or a path: a CSV, an IDX file of images or a
        folder of them, npz, parquet, a folder of pictures
    :param root: where the files of a named data set are, or go when they are downloaded
    :param classes: names of the classes to keep; None keeps all
    :param transpose: whether to swap rows and columns; None does so for EMNIST
    :param seed: of drawn data (glyphs)
    :param size: number of drawn images (glyphs)
    :raises UserError: if it can't be had, read or used
    """
    source = str(source)
    options = {"root": None if root is None else Path(root), "seed": seed, "size": size}
    given = {name: value for name, value in options.items() if value is not None}
    if source in datasets.list():
        builder = datasets.get(source)
        unknown = next((name for name in given if name not in inspect.signature(builder).parameters), None)
        if unknown is not None:
            raise UserError(f"{source} has no option {unknown!r}.")
        raw = builder(**given)
    else:
        if given:
            raise UserError(f"{source} is a file or folder: {next(iter(given))!r} has no meaning for it.")
        raw = read(Path(source))
    return clean(raw, classes=classes, transpose=transpose)


def read(path: Path) -> Raw:
    """What a file or folder holds, uncleaned.

    :raises UserError: if it is missing or of a format that is not known
    """
    if path.is_dir():
        return _read_folder(path)
    if not path.exists():
        known = datasets.list()
        raise UserError(f"no data {str(path)!r}: no file or folder, and not one of {', '.join(known)}.{did_you_mean(str(path), known)}")
    name = path.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        return read_csv(path)
    if is_idx(path):
        return read_pair(path)
    if name.endswith(".npz"):
        return read_npz(path)
    if name.endswith(".parquet"):
        return read_parquet([path])
    raise UserError(f"{path}: not a format that can be read. It should be {FORMATS}.")


def _read_folder(folder: Path) -> Raw:
    try:
        if find_images(folder):
            return read_folder(folder)
        tables = sorted(folder.glob("*.parquet"))
        if tables:
            return read_parquet(tables)
        if has_pictures(folder):
            return read_image_folder(folder)
    except PermissionError as error:
        raise UserError(f"{folder}: can't be read: {error.strerror}.") from error
    raise UserError(
        f"{folder}: nothing to read in it. It should hold IDX files, parquet files, pictures, or a subfolder of pictures per class."
    )
