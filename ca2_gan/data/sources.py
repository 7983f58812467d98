"""Reads whatever ``--data`` takes."""

import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ca2_core.arguments import MAX_SEED
from ca2_core.errors import UserError, did_you_mean
from ca2_core.settings import Setting
from ca2_gan.data.cleaning import clean
from ca2_gan.data.dataset import Dataset
from ca2_gan.data.decoded import recall
from ca2_gan.data.raw import Format, Raw
from ca2_gan.data.standard import standardise
from ca2_gan.registry import datasets, formats

MOST_PIXELS = 1_024  # largest side of an image
DEEPEST, MOST_FOLDERS = 4, 100  # limits of the search for a folder to suggest


SETTINGS = {
    "transpose": Setting("whether to swap rows and columns", bool | None),
    "invert": Setting("whether to invert the pixel values", bool | None),
    "cases": Setting("whether to make capitals and lower case separate classes", bool),
    "keep_blanks": Setting("whether to keep blank images", bool),
    "seed": Setting("seed of drawn data", int | None, low=0, high=MAX_SEED),
    "size": Setting("number of drawn images", int | None, low=1, high=10_000_000),
}


def load_data(
    source: Any,
    *,
    root: str | Path | None = None,
    classes: str | Sequence[str] | None = None,
    transpose: bool | None = None,
    invert: bool | None = None,
    resize: int | str | tuple[int, int] | None = None,
    cases: bool = False,
    seed: int | None = None,
    size: int | None = None,
    keep_blanks: bool = False,
) -> Dataset:
    """Reads and cleans a data set. What was recognised, changed or left out is printed on stderr and listed in ``.report``.

    :param source: a name (``glyphs``, ``emnist-letters``, ``mnist``, ``fashion-mnist``), a path (CSV, an IDX file of images or a
        folder of them, npz, parquet, a folder of pictures), or arrays: images [N, H, W] or [N, C, H, W], and labels [N] or None
    :param root: folder of a named data set's files, which are downloaded if they are missing
    :param classes: names of the classes to keep, a list or a text with commas; None keeps all
    :param transpose: whether to swap rows and columns; None does so for EMNIST
    :param invert: whether to invert the pixel values; None inverts gray images that are dark on white
    :param resize: side, or height and width, to scale all images to, such as 28, "28x32" or (28, 32); their proportions stay
    :param cases: whether to make capitals and lower case separate classes: for glyphs, and data with an attribute ``upper``
    :param seed: seed of drawn data (glyphs)
    :param size: number of drawn images (glyphs)
    :param keep_blanks: whether to keep blank images (all pixels equal), as is right for a generator's images
    :raises UserError: if the data can't be downloaded, read or used
    """
    if not isinstance(source, str | Path | tuple | list):
        what = "is a Dataset already" if isinstance(source, Dataset) else "a name, a path, or a pair (images, labels) of arrays is needed"
        raise UserError(f"load_data: {type(source).__name__}: {what}.")
    sides = None if resize is None else parse_sides(resize)
    values = {"transpose": transpose, "invert": invert, "cases": cases, "keep_blanks": keep_blanks, "seed": seed, "size": size}
    told = {name: setting.read(name, values[name], "load_data") for name, setting in SETTINGS.items()}
    drawn = {"root": None if root is None else Path(root), "seed": told.pop("seed"), "size": told.pop("size")}
    given = {name: value for name, value in drawn.items() if value is not None}
    are_arrays = isinstance(source, (tuple, list))
    builder = datasets.get(str(source)) if not are_arrays and str(source) in datasets.list() else None
    unknown = next((name for name in given if not builder or name not in inspect.signature(builder).parameters), None)
    if unknown is not None:
        raise UserError(f"{'arrays' if are_arrays else source} has no option {unknown!r}.")
    if isinstance(source, (tuple, list)):
        raw = standardise(_from_arrays(source), sides)
    else:
        raw = standardise(builder(**given), sides) if builder else read(Path(source) if str(source) else None, sides)
    data = clean(raw, classes=None if classes is None else split_names(classes), **told)
    announce(raw.source, data.report.findings())
    return data


def split_names(classes: Any) -> list[str]:
    """Names of classes, from a list or a text with commas.

    :raises UserError: if there is none
    """
    if isinstance(classes, str | int):
        classes = str(classes).split(",")
    if not isinstance(classes, Iterable):
        raise UserError(f"classes: {classes!r}: names are needed, such as A,B.")
    names = [name for name in (str(name).strip() for name in classes) if name]
    if not names:
        raise UserError("classes: no name in it. Give names separated by commas, such as A,B.")
    return names


def parse_sides(resize: int | str | tuple[int, int]) -> tuple[int, int]:
    """Height and width from ``28``, ``"28x32"`` or ``(28, 32)``.

    :raises UserError: if the size is something else, or too large
    """
    sides = list(map(str, resize)) if isinstance(resize, tuple | list) else str(resize).lower().split("x")
    if len(sides) not in (1, 2) or not all(side.isascii() and side.isdigit() for side in sides):
        raise UserError(f"resize: {resize!r} is not like 28 or 28x32.")
    height, width = int(sides[0]), int(sides[-1])
    if not all(1 <= side <= MOST_PIXELS for side in (height, width)):
        raise UserError(f"resize {height}x{width}: sides from 1 to {MOST_PIXELS:,} pixels are possible.")
    return height, width


def announce(source: str, findings: Sequence[str]) -> None:
    """Prints what was recognised in a source, in one line on stderr."""
    if findings:
        print(f"ca2-gan: {source}: {' '.join(findings)}", file=sys.stderr)


def read(path: Path | None, resize: tuple[int, int] | None = None, may_be_dark: bool = False) -> Raw:
    """Reads a file or folder, with pixels as bytes, but does not clean it.

    :raises UserError: if it is missing or of a format that is not known
    """
    if path is None or not path.exists():
        known = datasets.list()
        name = "" if path is None else str(path)
        raise UserError(f"no data {name!r}: no file or folder, and not one of {', '.join(known)}.{did_you_mean(name, known)}")
    fitting = [name for name in formats if formats.get(name).matches(path)]
    if not fitting:
        places = _folders_in(path) if path.is_dir() else iter(())
        inside = next((place for place in places if any(formats.get(name).matches(place) for name in formats)), None)
        if inside is not None:
            raise UserError(f"{path}: nothing to read directly in it. Give {inside}.")
        readable = "; ".join(formats.get(name).summary for name in formats)
        raise UserError(f"{path}: {'nothing to read in it' if path.is_dir() else 'of no known format'}. What can be read: {readable}.")
    form: Format = formats.get(fitting[0])

    def make() -> Raw:
        return standardise(form.read(path), resize, may_be_dark)

    raw = recall(path, (fitting[0], resize, may_be_dark), make) if form.is_slow else make()
    if len(fitting) > 1:
        ignored = " and ".join(formats.get(name).summary for name in fitting[1:])
        raw = replace(raw, notes=(*raw.notes, f"Read as {form.summary}; what looks like {ignored} is left out."))
    return raw


def _folders_in(path: Path) -> Iterator[Path]:
    """Folders inside a folder, the nearest first, down to four levels."""
    level = [path]
    for _ in range(DEEPEST):
        level = [inner for folder in level for inner in sorted(folder.iterdir()) if inner.is_dir() and inner.name[0] != "."][:MOST_FOLDERS]
        yield from level


def _from_arrays(source: Sequence[Any]) -> Raw:
    """Copies arrays or tensors, since cleaning writes into them."""
    if len(source) != 2:
        raise UserError(f"arrays: {len(source)} of them; a pair is needed, images and labels, or images and None.")
    try:
        images, labels = (None if array is None else np.asarray(array).copy() for array in source)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"arrays: no array of one shape can be made of them: {' '.join(str(error).split())[:120]}.") from error
    if images is None or not images.ndim or (labels is not None and not labels.ndim):
        raise UserError("arrays: images [N, H, W] or [N, C, H, W] are needed, and labels [N] or None.")
    return Raw("arrays", images, labels)
