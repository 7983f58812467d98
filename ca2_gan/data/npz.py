"""npz: ``x`` and, if labelled, ``y``."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.cleaning import Raw


def read_npz(path: Path) -> Raw:
    """``x`` uint8 [N, H, W] or [N, C, H, W], ``y`` integers [N] and ``class_names`` [K], both optional.

    Also Keras' ``x_train``, ``y_train``, ``x_test``, ``y_test``.

    :raises UserError: if it is none of these
    """
    if path.is_file() and not zipfile.is_zipfile(path):
        raise UserError(f"{path}: damaged, or no npz.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = {name: arrays[name] for name in arrays.files if name in KNOWN}
            found = arrays.files
    except Exception as error:  # whatever the bytes lead to
        raise UserError(f"{path}: can't be read as npz: {' '.join(str(error).split())[:120]}.") from error
    parts = [part for part in ("", "_train", "_test") if f"x{part}" in content]
    if not parts:
        raise UserError(f"{path}: no array 'x' in it, only {', '.join(found) or 'nothing'}. Images are 'x', labels 'y'.")
    images = np.concatenate([_check_images(path, f"x{part}", content[f"x{part}"]) for part in parts])
    labelled = [f"y{part}" in content for part in parts]
    if any(labelled) and not all(labelled):
        raise UserError(f"{path}: some parts have labels ('y...') and others none.")
    labels = np.concatenate([_check_labels(path, f"y{part}", content[f"y{part}"]) for part in parts]) if all(labelled) else None
    if labels is not None and len(labels) != len(images):
        raise UserError(f"{path}: {len(images):,} images but {len(labels):,} labels.")
    names = content.get("class_names")
    if names is not None and names.ndim != 1:
        raise UserError(f"{path}: 'class_names' is {list(names.shape)}; a name for each class is needed, [K].")
    return Raw(str(path), images, labels, None if names is None else dict(enumerate(map(str, names.tolist()))))


KNOWN = ("x", "y", "x_train", "y_train", "x_test", "y_test", "class_names")


def _check_images(path: Path, name: str, array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise UserError(f"{path}: '{name}' is {array.dtype}; images are uint8, 0 to 255.")
    if array.ndim == 4 and array.shape[1] not in (1, 3) and array.shape[3] in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[1] not in (1, 3)) or 0 in array.shape[1:]:
        raise UserError(f"{path}: '{name}' is {list(array.shape)}; images are [N, H, W] or [N, C, H, W] with 1 or 3 channels.")
    return array if array.ndim == 4 else array[:, None]


def _check_labels(path: Path, name: str, array: NDArray[Any]) -> NDArray[np.int64]:
    if not np.issubdtype(array.dtype, np.integer) or array.ndim != 1:
        raise UserError(f"{path}: '{name}' is {array.dtype} {list(array.shape)}; labels are whole numbers [N].")
    return array.astype(np.int64)
