"""A folder of pictures: a subfolder per class, or all in one without labels; optionally inside ``train`` and ``test``."""

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
    """Whether there are pictures in a folder or up to two levels below it."""
    return folder.is_dir() and any(map(_is_picture, _files(folder)))


def read_image_folder(folder: Path) -> Raw:
    """Reads the pictures of a folder, sorted by name.

    Subfolders are classes, named after them and numbered in sorted order. If all subfolders are named ``train``, ``test`` and the
    like, classes are inside them, and ``test`` is the held-out part.

    :raises UserError: if a class is empty or a picture can't be read
    """
    parts, notes = _subfolders(folder), []
    held_out: tuple[str, ...] = ()
    if len(parts) > 1 and all(part.name.lower() in (*TRAIN, *VALIDATION, *TEST) for part in parts):
        held_out = TEST if any(part.name.lower() in TEST for part in parts) else VALIDATION
        trained = " and ".join(f"{part.name}/" for part in parts if part.name.lower() not in held_out)
        notes = [f"The pictures in {trained} are to train on, the others are held out."]
    else:
        parts = [folder]
    found = [(name, path, part.name.lower() in held_out) for part in parts for name, path in _pictures_of_classes(part)]
    names = sorted({name for name, _, _ in found if name is not None})
    if names and any(name is None for name, _, _ in found):
        raise UserError(f"{folder}: pictures next to subfolders such as {names[0]}. Give each class a subfolder, or use one folder only.")
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.array([numbers[name] for name, _, _ in found if name is not None], dtype=np.int64) if names else None
    others = sum(not _is_picture(path) for path in _files(folder))
    if others:
        notes.append(f"{others:,} file{'s that are no pictures are' if others > 1 else ' that is no picture is'} left out.")
    images = pack([decode(path, str(path)) for _, path, _ in found])
    is_test = np.array([is_held_out for _, _, is_held_out in found]) if held_out else None
    return Raw(str(folder), images, labels, dict(enumerate(names)) or None, is_test=is_test, notes=tuple(notes))


def _pictures_of_classes(folder: Path) -> Iterator[tuple[str | None, Path]]:
    """Pictures with the names of their classes; None for pictures in the folder itself."""
    for picture in _pictures(folder):
        yield None, picture
    for subfolder in _subfolders(folder):
        pictures = _pictures(subfolder)
        if not pictures:
            deeper = any(_pictures(place) for place in _subfolders(subfolder))
            remedy = f"Its subfolders have some: give {subfolder}." if deeper else f"Add some ({SUFFIXES[0]}, {SUFFIXES[1]}) or remove it."
            raise UserError(f"{subfolder}: class without a picture. {remedy}")
        for picture in pictures:
            yield subfolder.name, picture


def _files(folder: Path, depth: int = 2) -> Iterator[Path]:
    """Files in a folder and down to ``depth`` levels below it."""
    yield from (path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    for subfolder in _subfolders(folder) if depth else ():
        yield from _files(subfolder, depth - 1)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir())


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in _files(folder, depth=0) if _is_picture(path))


def _is_picture(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


formats.register("pictures")(Format("a folder of pictures", has_pictures, read_image_folder, is_slow=True))
