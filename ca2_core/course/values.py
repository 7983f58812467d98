"""Converts what students' functions return, so that the checks can compare it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_core.course.exercise import expect


def as_array(value: Any, what: str, shape: Sequence[int | None] | None = None, dtype: str | None = None) -> NDArray[Any]:
    """A copy of a returned array or tensor, as a NumPy array.

    :param what: the call that returned it, for messages
    :param shape: required shape, with None where any length is allowed; None for any shape
    :param dtype: name of the required dtype; "number" for any real dtype; None for any numeric one
    :raises WrongError: if the value is not numeric, or its shape or dtype is another
    """
    expect(value is not None, f"{what} returns None. Is a `return` missing?")
    expect(value is not ..., f"{what} returns `...`. Complete it.")
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        array = np.array(value)
    except ValueError:
        array = np.array(None)
    expect(array.dtype.kind in "biufc", f"{what} returns {_named(value)}, where numbers are needed.")
    if shape is not None:
        fits = array.ndim == len(shape) and all(side in (None, there) for side, there in zip(shape, array.shape, strict=True))
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        expect(fits, f"{what} has the shape {list(array.shape)}, where [{wanted}] is needed.")
    if dtype == "number":
        expect(array.dtype.kind in "iuf", f"{what} has the dtype {array.dtype}, where real numbers are needed.")
    elif dtype is not None:
        expect(array.dtype == dtype, f"{what} has the dtype {array.dtype}, where {dtype} is needed.")
    return array


def as_number(value: Any, what: str) -> float:
    """A returned number as a float.

    :param what: the call that returned it, for messages
    :raises WrongError: if it is not one finite real number
    """
    array = as_array(value, what)
    expect(array.size == 1 and array.dtype.kind != "c", f"{what} returns {_named(value)}, where one real number is needed.")
    number = float(array.reshape(()))
    expect(np.isfinite(number), f"{what} returns {number}.")
    return number


def _named(value: Any) -> str:
    """Describes a value within a sentence."""
    if isinstance(value, np.ndarray) and value.size > 1:
        return f"an array of shape {list(value.shape)} and dtype {value.dtype}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"
