"""An unpickler that only builds objects of listed classes, so that a file can't run code."""

import io
import pickle
import re
from collections.abc import Callable, Collection
from importlib import import_module
from types import BuiltinFunctionType, FunctionType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ca2_rl.loading.names import MOVED, PICKLED, Name

# Modules by which cloudpickle stores functions and classes as code
BY_VALUE = {"cloudpickle", "cloudpickle.cloudpickle", "cloudpickle.cloudpickle_fast"}
# Booleans, integers, floats, complex numbers, and Python objects
PLAIN_DTYPE = re.compile(r"[<=|]?([?O]|b1|[iu][1248]|f[248]|c8|c16|O8)")


class RefusedError(pickle.UnpicklingError):
    """A pickle names something that is not on the list.

    :param reason: what it names
    :param is_by_value: whether this is code inside the pickle
    """

    def __init__(self, reason: str, is_by_value: bool = False):
        super().__init__(reason)
        self.is_by_value = is_by_value


class _RandomState:
    """Replaces the state of a random generator. The state is ignored, because NumPy would copy it into memory unchecked."""

    def __init__(self, *args: Any):
        pass


class _NotCalled:
    """Replaces ``numpy.ndarray``, which an array's pickle names as the type but never calls."""

    def __init__(self, *args: Any, **kwargs: Any):
        raise RefusedError("an array made by its constructor")


# NumPy trusts pickles: they can make an array of objects at any address or a dtype of any size. So its functions are replaced


def _dtype(code: Any, *flags: Any) -> np.dtype[Any]:
    if not isinstance(code, str) or not PLAIN_DTYPE.fullmatch(code):
        raise RefusedError(f"the dtype {code!r}")
    return np.dtype(code)


def _array(*args: Any) -> NDArray[Any]:
    """An empty array, which BUILD fills after it has checked the state."""
    return np.empty(0, dtype=np.int8)


def _check_dtype(dtype: Any, has_objects: bool = False) -> np.dtype[Any]:
    if not isinstance(dtype, np.dtype) or dtype.kind not in ("biufcO" if has_objects else "biufc"):
        raise RefusedError(f"an array of {dtype!r}")
    return dtype


def _numbers(raw: Any, dtype: Any) -> NDArray[Any]:
    """A copy of the numbers in a bytes object."""
    if not isinstance(raw, (bytes, bytearray, pickle.PickleBuffer)):
        raise RefusedError("an array whose content is not bytes")
    return np.frombuffer(bytes(raw), _check_dtype(dtype)).copy()


def _frombuffer(raw: Any, dtype: Any, shape: tuple[int, ...], order: str, *axes: Any) -> NDArray[Any]:
    if axes:
        raise RefusedError("an array in another order of axes")
    return _numbers(raw, dtype).reshape(shape, order="F" if order == "F" else "C")


def _scalar(dtype: Any, raw: Any) -> Any:
    return _numbers(raw, dtype)[0]


def _bytes(text: Any, encoding: Any) -> bytes:
    """Bytes as pickle protocol 2 stores them."""
    if not isinstance(text, str) or encoding != "latin1":
        raise RefusedError("text in another encoding")
    return text.encode("latin1")


def _generator(*args: Any) -> np.random.Generator:
    return np.random.default_rng()


def _random_state(*args: Any) -> np.random.RandomState:
    return np.random.RandomState()


STAND_INS: dict[Name, Any] = {
    ("_codecs", "encode"): _bytes,
    ("numpy", "dtype"): _dtype,
    ("numpy", "ndarray"): _NotCalled,
    ("numpy._core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
    ("numpy.random._mt19937", "MT19937"): _RandomState,
    ("numpy.random._pcg64", "PCG64"): _RandomState,
    ("numpy.random._pickle", "__bit_generator_ctor"): _RandomState,
    ("numpy.random._pickle", "__generator_ctor"): _generator,
    ("numpy.random._pickle", "__randomstate_ctor"): _random_state,
    ("numpy.random.bit_generator", "SeedSequence"): _RandomState,
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"): _RandomState,
}


# The Python implementation: the faster one in C does not allow checks in BUILD
class _Unpickler(pickle._Unpickler):
    stack: list[Any]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, content: bytes, also: Collection[Name]):
        super().__init__(io.BytesIO(content))
        self._also = also

    def find_class(self, module: str, name: str) -> Any:
        if module in BY_VALUE:
            raise RefusedError("code", is_by_value=True)
        place = (MOVED.get(module, module), name)
        if place in STAND_INS:
            return STAND_INS[place]
        if place not in PICKLED and place not in self._also:
            raise RefusedError(f"{module}.{name}")
        return getattr(import_module(place[0]), name)

    def load_build(self) -> None:
        made, state = self.stack[-2], self.stack[-1]
        if isinstance(made, (np.random.Generator, np.random.RandomState, np.dtype, _RandomState)):
            self.stack.pop()  # a dtype is complete, and a generator's state is ignored
        elif isinstance(made, np.ndarray):
            self.stack.pop()
            _fill(made, state)
        else:
            _check_state(made, state)
            super().load_build()  # type: ignore[misc]

    dispatch[pickle.BUILD[0]] = load_build


def _fill(array: NDArray[Any], state: Any) -> None:
    """Checks a state, then passes it to ``ndarray.__setstate__`` of a new array of ``_array``, which has no views."""
    if array.size or array.dtype != np.int8:
        raise RefusedError("an array that is filled twice")
    try:
        _, shape, dtype, is_fortran, content = state
        lengths = tuple(int(length) for length in shape)
    except (TypeError, ValueError) as error:
        raise RefusedError("an array with another state") from error
    if _check_dtype(dtype, has_objects=True).kind == "O":
        if type(content) is not list or any(length < 0 for length in lengths) or len(content) != np.prod(lengths, dtype=object):
            raise RefusedError("an array of objects with another state")
        clean: Any = content
    else:
        clean = _numbers(content, dtype).reshape(lengths).tobytes()  # reshape checks the length
    whole: Any = (1, lengths, dtype, bool(is_fortran), clean)
    array.__setstate__(whole)


def _check_state(made: Any, state: Any) -> None:
    """Rejects a state that would set anything but plain attributes of the object."""
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        raise RefusedError(f"slots of {type(made).__name__}")
    if isinstance(made, (type, FunctionType, BuiltinFunctionType, np.generic)):
        raise RefusedError(f"attributes of {made!r}")
    names = state if isinstance(state, dict) else {}
    for name in names:
        if not isinstance(name, str) or name.startswith("__"):
            raise RefusedError(f"the attribute {name!r} of {type(made).__name__}")


def unpickle(content: bytes, also: Collection[Name] = ()) -> Any:
    """Unpickles an object of listed classes only. Random generators in it get a new state.

    :param content: the pickle
    :param also: exact names that are allowed next to ``names.PICKLED``
    :raises RefusedError: if the pickle names anything else
    :raises Exception: a damaged pickle can raise any exception
    """
    return _Unpickler(content, also).load()
