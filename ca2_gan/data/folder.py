"""A folder of pictures: a subfolder per class, or all in one without labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ca2_core.errors import UserError
from ca2_gan.data.cleaning import Raw

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
GREY_MODES = ("1", "L", "LA", "I", "I;16")


def has_pictures(folder: Path) -> bool:
    """Whether there are pictures in a folder or its subfolders."""
    return bool(_pictures(folder)) or any(_pictures(subfolder) for subfolder in _subfolders(folder))


def read_image_folder(folder: Path) -> Raw:
    """The pictures of a folder, sorted by name.

    Subfolders are classes, named after them and numbered in sorted order. Grey pictures stored in colour become grey again.

    :raises UserError: if a class is empty, a picture can't be read, or their sizes differ
    """
    subfolders = _subfolders(folder)
    loose = _pictures(folder)
    if loose and subfolders:
        raise UserError(f"{folder}: pictures beside subfolders such as {subfolders[0].name}. Either a subfolder per class, or all in one.")
    if loose:
        return Raw(str(folder), _read_all(loose), None)
    paths, labels = [], []
    for label, subfolder in enumerate(subfolders):
        pictures = _pictures(subfolder)
        if not pictures:
            raise UserError(f"{subfolder}: class without a picture. Add some ({', '.join(SUFFIXES[:3])}) or remove the folder.")
        paths += pictures
        labels += [label] * len(pictures)
    names = {label: subfolder.name for label, subfolder in enumerate(subfolders)}
    return Raw(str(folder), _read_all(paths), np.array(labels, dtype=np.int64), names)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))


def _read_all(paths: Sequence[Path]) -> NDArray[np.uint8]:
    """[N, C, H, W], C 1 unless some picture has a colour in it."""
    first = decode(paths[0])
    images = np.empty((len(paths), *first.shape), dtype=np.uint8)
    for i, path in enumerate(paths):
        image = decode(path)
        if image.shape[1:] != first.shape[1:]:
            (height, width), (height0, width0) = image.shape[1:], first.shape[1:]
            raise UserError(f"{path}: {height}x{width} where the pictures before are {height0}x{width0}.")
        if len(image) > images.shape[1]:  # the first in colour among grey ones
            images = images.repeat(3, axis=1)
        images[i] = image
    return images


def decode(file: Path | object) -> NDArray[np.uint8]:
    """A picture [C, H, W], C 1 if it is grey.

    :param file: a path or an open binary file
    :raises UserError: if it can't be read
    """
    try:
        with Image.open(file) as picture:  # type: ignore[arg-type]
            if picture.mode in ("I", "I;16"):
                raise UserError(f"{file}: 16 or 32 bits a pixel; 8 are needed.")
            mode = "L" if picture.mode in GREY_MODES else "RGB"
            pixels = np.atleast_3d(np.asarray(picture.convert(mode))).transpose(2, 0, 1)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{file}: can't be read as a picture: {error}") from error
    return pixels[:1] if (pixels == pixels[:1]).all() else pixels
