"""A folder of pictures: a subfolder per class, or all in one without labels; in ``train`` and ``test`` or not."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ca2_core.errors import UserError
from ca2_gan.data.image_files import decode
from ca2_gan.data.raw import Format, Raw, pack
from ca2_gan.registry import formats

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
TRAIN, VALIDATION, TEST = ("train", "training"), ("val", "valid", "validation"), ("test", "testing")


def has_pictures(folder: Path) -> bool:
    """Whether there are pictures in a folder, its subfolders or theirs."""
    return folder.is_dir() and any(_is_picture(path.name) for place in _places(folder, 2) for path in place.iterdir())


def read_image_folder(folder: Path) -> Raw:
    """The pictures of a folder, sorted by name.

    Subfolders are classes, named after them and numbered in sorted order. If all subfolders are named ``train``, ``test`` and the
    like, classes are inside them, and ``test`` is the held-out part.

    :raises UserError: if a class is empty or a picture can't be read
    """
    subfolders = _subfolders(folder)
    known = (*TRAIN, *VALIDATION, *TEST)
    is_split = len(subfolders) > 1 and all(subfolder.name.lower() in known for subfolder in subfolders)
    if not is_split:
        found = list(_classes(folder))
        is_test, notes = None, []
    else:
        held_out = TEST if any(subfolder.name.lower() in TEST for subfolder in subfolders) else VALIDATION
        parts = [(list(_classes(subfolder)), subfolder.name.lower() in held_out) for subfolder in subfolders]
        found = [each for part, _ in parts for each in part]
        is_test = np.concatenate([np.full(sum(len(paths) for _, paths in part), is_held_out) for part, is_held_out in parts])
        trained = " and ".join(f"{s.name}/" for s in subfolders if s.name.lower() not in held_out)
        notes = [f"The pictures in {trained} are to train on, the others are held out."]
    names = sorted({name for name, _ in found if name is not None})
    if names and any(name is None for name, _ in found):
        raise UserError(f"{folder}: pictures beside subfolders such as {names[0]}. Either a subfolder per class, or all in one.")
    paths = [path for _, pictures in found for path in pictures]
    labels = np.array([names.index(name) for name, pictures in found if name is not None for _ in pictures], dtype=np.int64)
    others = sum(_count_others(place) for place in _places(folder, 2))
    if others:
        notes.append(f"{others:,} file{'s that are no pictures are' if others > 1 else ' that is no picture is'} left out.")
    images = pack([decode(path, str(path)) for path in paths])
    return Raw(str(folder), images, labels if names else None, dict(enumerate(names)) or None, is_test=is_test, notes=tuple(notes))


def _classes(folder: Path) -> Iterator[tuple[str | None, list[Path]]]:
    """Class names and their pictures; None for those that lie in the folder itself."""
    loose, subfolders = _pictures(folder), _subfolders(folder)
    if loose:
        yield None, loose
    for subfolder in subfolders:
        pictures = _pictures(subfolder)
        if not pictures:
            deeper = any(_pictures(place) for place in _subfolders(subfolder))
            remedy = f"Its subfolders have some: give {subfolder}." if deeper else f"Add some ({SUFFIXES[0]}, {SUFFIXES[1]}) or remove it."
            raise UserError(f"{subfolder}: class without a picture. {remedy}")
        yield subfolder.name, pictures


def _places(folder: Path, depth: int) -> Iterator[Path]:
    """The folder and those in it."""
    yield folder
    for subfolder in _subfolders(folder) if depth else ():
        yield from _places(subfolder, depth - 1)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(Path(entry) for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def _pictures(folder: Path) -> list[Path]:
    return sorted(Path(entry) for entry in os.scandir(folder) if _is_picture(entry.name))


def _is_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _count_others(folder: Path) -> int:
    return sum(entry.is_file() and not entry.name.startswith(".") and not _is_picture(entry.name) for entry in os.scandir(folder))


formats.register("pictures")(Format("a folder of pictures", has_pictures, read_image_folder, is_slow=True))
