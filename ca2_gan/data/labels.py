"""Converts labels of any kind to whole numbers."""

from collections.abc import Callable
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.raw import BLANK

LARGEST = 2.0**53  # from here on, floats can't tell whole numbers apart
Numbered = tuple[NDArray[np.int64], dict[int, str] | None, list[str]]


def number_labels(values: NDArray[Any], source: str, where: Callable[[int], str]) -> Numbered:
    """Labels as numbers [N], the names of labels that are text, and notes about what was recognised.

    :param where: returns the place of an image in the source, given its position
    :raises UserError: if there is not one whole number or text for each image
    """
    notes = []
    if values.ndim == 2 and values.shape[1] == 1:
        values, notes = values[:, 0], [f"Labels of shape {list(values.shape)} are taken as [{len(values):,}]."]
    if values.ndim != 1:
        hint = " One-hot labels become numbers by argmax(1)." if values.ndim == 2 else ""
        raise UserError(f"{source}: labels of shape {list(values.shape)}; one for each image is needed, [N].{hint}")
    if values.dtype.kind in "OSU":
        return _number_text([_as_text(value) for value in values], where, notes)
    if values.dtype.kind == "f":
        wrong = ~np.isfinite(values) | (values != np.rint(values))
        if wrong.any():
            position = int(wrong.argmax())
            raise UserError(f"{where(position)}: label {values[position]} is not a whole number. Labels are whole numbers or text.")
        if (abs(values) >= LARGEST).any():
            raise UserError(f"{where(int(abs(values).argmax()))}: label {abs(values).max():g} is too large. Number the classes 0, 1, ...")
    elif values.dtype.kind not in "iub":
        raise UserError(f"{source}: the labels are {values.dtype}; whole numbers or text are needed.")
    return values.astype(np.int64), None, notes


def _number_text(texts: list[str], where: Callable[[int], str], notes: list[str]) -> Numbered:
    if "" in texts:
        raise UserError(f"{where(texts.index(''))}: no label. Give each image one, or -1 to leave it out.")
    numeric = [is_number(text) for text in texts]
    if all(numeric):
        return number_labels(np.array(texts, dtype=np.float64), "", where)[0], None, notes
    words = sorted({text for text in texts if text != str(BLANK)})
    if any(number for number, text in zip(numeric, texts, strict=True) if text != str(BLANK)) and sum(numeric) >= len(texts) / 2:
        position = numeric.index(False)
        raise UserError(f"{where(position)}: label {texts[position][:20]!r} is not a whole number, as most others are.")
    number = {word: i for i, word in enumerate(words)} | {str(BLANK): BLANK}
    few = ", ".join(words[:3]) + (", ..." if len(words) > 3 else "")
    notes = [*notes, f"Labels are text ({few}), numbered in alphabetical order."]
    return np.array([number[text] for text in texts], dtype=np.int64), dict(enumerate(words)), notes


def _as_text(value: object) -> str:
    """A label or name as text; None and NaN become empty."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return "" if value is None or (isinstance(value, float) and isnan(value)) else str(value).strip()


def name_classes(names: NDArray[Any], source: str) -> dict[int, str]:
    """Names of the labels 0, 1, ... from an array [K].

    :raises UserError: if there is not one name for each class, or a name is empty or occurs twice
    """
    if names.ndim != 1:
        raise UserError(f"{source}: the class names are {list(names.shape)}; a name for each class is needed, [K].")
    texts = [_as_text(name) for name in names.tolist()]
    for label, text in enumerate(texts):
        if not text or text in texts[:label]:
            what = f"class name {text!r} is that of labels {texts.index(text)} and {label}" if text else f"label {label} has an empty name"
            raise UserError(f"{source}: {what}. Each class needs a name of its own.")
    return dict(enumerate(texts))


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return bool(np.isfinite(float(text))) and "_" not in text
    except ValueError:
        return False
