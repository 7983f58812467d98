"""npz: ``x`` and, if labelled, ``y``."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.labels import name_classes
from ca2_gan.data.pixels import arrange
from ca2_gan.data.raw import Format, Raw
from ca2_gan.registry import formats

PARTS = ("", "_train", "_val", "_test")
IMAGES, LABELS, NAMES = ("x", "images"), ("y", "labels"), ("class_names", "label_names")


def read_npz(path: Path) -> Raw:
    """Reads ``x`` [N, H, W] or [N, C, H, W] and, if they are there, ``y`` [N], ``class_names`` [K] and ``test``, bool [N].

    Also reads ``images``, ``labels`` and ``label_names``, and Keras' ``x_train``, ``y_train``, ``x_test``, ``y_test`` and MedMNIST's
    ``train_images``, ``val_images``, ..., whose test part is held out. Other arrays with one entry for each image become attributes.

    :raises UserError: if the arrays are none of these
    """
    if path.is_file() and not zipfile.is_zipfile(path):
        raise UserError(f"{path}: damaged, or no npz.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = {name: arrays[name] for name in arrays.files}
    except Exception as error:  # whatever the bytes lead to
        remedy = " Save labels and names of text with .astype(str)." if "allow_pickle" in str(error) else ""
        raise UserError(f"{path}: can't be read as npz: {' '.join(str(error).split())[:120]}.{remedy}") from error
    found = ", ".join(content) or "nothing"
    images = {part: array for part in PARTS if (array := _take(content, _named(IMAGES, part))) is not None}
    labels = {part: array for part in PARTS if (array := _take(content, _named(LABELS, part))) is not None}
    names = _take(content, NAMES)
    if not images:
        raise UserError(f"{path}: no array 'x' in it, only {found}. Images are 'x', labels 'y'.")
    if labels and labels.keys() != images.keys():
        raise UserError(f"{path}: some parts have labels ('y...') and others none.")
    shapes = [list(array.shape) for array in labels.values()]
    if any(len(shape) != len(shapes[0]) or not shape for shape in shapes):
        raise UserError(f"{path}: labels of shape {' and '.join(map(str, shapes))}; one for each image is needed, [N].")
    arranged = [arrange(array, str(path)) for array in images.values()]
    if len({array.shape[1:] for array, _ in arranged}) > 1:
        raise UserError(f"{path}: the parts have images of different sizes: {', '.join(str(a.shape[2:]) for a, _ in arranged)}.")
    n = sum(len(array) for array, _ in arranged)
    notes = [note for _, said in arranged[:1] for note in said]
    is_test = content.pop("test", None)
    if is_test is not None:
        if is_test.shape != (n,) or not np.isin(is_test, (0, 1)).all():
            what = f"'test' is {is_test.dtype} {list(is_test.shape)}"
            raise UserError(f"{path}: {what}; it has to say true or false for each of {n:,} images.")
        is_test = is_test.astype(bool)
    elif "_test" in images and len(images) > 1:
        is_test = np.arange(n) >= n - len(images["_test"])
    attributes = {name: array for name, array in content.items() if array.ndim and len(array) == n}
    left_out = [name for name in content if name not in attributes]
    if attributes or left_out:
        ignored = f"; left out, without one entry for each image: {', '.join(left_out)}" if left_out else ""
        notes.append(f"Attributes of each image: {', '.join(attributes) or 'none'}{ignored}.")
    return Raw(
        str(path),
        np.concatenate([array for array, _ in arranged]) if len(arranged) > 1 else arranged[0][0],
        np.concatenate(list(labels.values())) if labels else None,
        None if names is None else name_classes(names, str(path)),
        is_test=is_test,
        attributes=attributes,
        notes=tuple(notes),
    )


def _named(names: Sequence[str], part: str) -> list[str]:
    """Possible names of a part's array, such as Keras' x_train and MedMNIST's train_images."""
    return [name + part for name in names] + [f"{part[1:]}_{name}" for name in names if part]


def _take(content: dict[str, NDArray[Any]], names: Sequence[str]) -> NDArray[Any] | None:
    """Removes the first of these names that is there, and returns its array."""
    return next((content.pop(name) for name in names if name in content), None)


formats.register("npz")(Format("an .npz", lambda path: path.name.lower().endswith(".npz"), read_npz))
