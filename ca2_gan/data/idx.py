"""IDX, the format of MNIST and EMNIST: a file of images and one of labels."""

import re
import struct
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.opening import is_emnist, opened
from ca2_gan.data.raw import Format, Raw
from ca2_gan.registry import formats

IMAGES_NAME = re.compile(r"^(?P<family>.*?)-?(?P<part>train|test|t10k|)-?images[-.]idx3-ubyte(\.gz)?$")
UBYTE = 8


def matches(path: Path) -> bool:
    """Whether a file's name is that of an IDX file, or such files are directly inside a folder."""
    return bool(find_images(path)) if path.is_dir() else re.search(r"idx[13]-ubyte(\.gz)?$", path.name) is not None


def read_pair(images_path: Path) -> Raw:
    """Reads a file of images and the labels next to it, ``images-idx3`` and ``labels-idx1``.

    :raises UserError: if one of them is missing, damaged, or does not fit the other
    """
    if not IMAGES_NAME.match(images_path.name):
        raise UserError(f"{images_path}: not a file of images: those are named like train-images-idx3-ubyte, with labels next to them.")
    labels_path = _labels_beside(images_path)
    images, labels = read_array(images_path, 3), read_array(labels_path, 1)
    if len(images) != len(labels):
        raise UserError(f"{images_path} has {len(images):,} images, {labels_path.name} {len(labels):,} labels. They don't belong together.")
    return Raw(str(images_path), images, labels.astype(np.int64), transposed=is_emnist(images_path))


def read_folder(folder: Path, family: str | None = None) -> Raw:
    """Reads the pairs of one family in a folder, such as MNIST's train and t10k, one after the other.

    :param family: start of the file names, such as ``emnist-letters``; None if there is only one
    :raises UserError: if there are several families, or none
    """
    by_name = {path.name.removesuffix(".gz"): path for path in find_images(folder)}
    families: dict[str, list[Path]] = {}
    for name, path in sorted(by_name.items(), reverse=True):  # train before test and t10k
        match = IMAGES_NAME.match(name)
        assert match is not None
        families.setdefault(match["family"], []).append(path)
    if family is not None:
        families = {name: paths for name, paths in families.items() if name == family}
    if len(families) != 1:
        names = f"those of {', '.join(sorted(families))}: give one of the files" if families else "none"
        raise UserError(f"{folder}: one family of IDX files is needed, found {names}.")
    raws = [read_pair(path) for path in next(iter(families.values()))]
    shapes = {raw.images.shape[1:] for raw in raws}
    if len(shapes) > 1:
        raise UserError(f"{folder}: images of different sizes: {sorted(shapes)}.")
    labels = np.concatenate([raw.labels for raw in raws if raw.labels is not None])
    notes = ("Its training and test files are taken together; a seventh is held out by hash.",) if len(raws) > 1 else ()
    return Raw(str(folder), np.concatenate([raw.images for raw in raws]), labels, transposed=raws[0].transposed, notes=notes)


def find_images(folder: Path) -> list[Path]:
    """The IDX files of images directly inside a folder."""
    return [path for path in sorted(folder.iterdir(), reverse=True) if path.is_file() and IMAGES_NAME.match(path.name)]


def read_array(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The bytes of one file: [N, ...].

    :param dimensions: number of dimensions that it should have
    :raises UserError: if it is not such a file, or is cut off
    """
    with opened(path) as file:
        header = file.read(4 + 4 * dimensions)
        if len(header) < 4 + 4 * dimensions or header[:4] != bytes([0, 0, UBYTE, dimensions]):
            raise UserError(f"{path}: not an IDX file of bytes with {dimensions} dimension{'s' if dimensions > 1 else ''}.")
        shape = struct.unpack(f">{dimensions}I", header[4:])
        content = bytearray(file.read())
    size = prod(shape)
    if len(content) != size:
        what = "cut off" if len(content) < size else "longer than it says"
        raise UserError(f"{path}: {what}: {len(content):,} bytes where its header promises {size:,}. Get the file again.")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _labels_beside(images_path: Path) -> Path:
    name = images_path.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    for candidate in (images_path.with_name(name), images_path.with_name(name + ".gz")):
        if candidate.is_file():
            return candidate
    raise UserError(f"{images_path}: no {name} (or {name}.gz) next to it.")


def read_idx(path: Path) -> Raw:
    """Reads a pair, given its file of images, or all pairs in a folder."""
    return read_folder(path) if path.is_dir() else read_pair(path)


formats.register("idx")(Format("an IDX pair or a folder of them", matches, read_idx))
