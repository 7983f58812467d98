"""An unpickler that builds only what is on a list, so that a file can't run code."""

import io
import pickle
from collections.abc import Callable, Collection
from importlib import import_module
from typing import Any, ClassVar

from ca2_rl.loading.names import MOVED, PICKLED, Name

# By these cloudpickle writes functions and classes as code
BY_VALUE = {"cloudpickle", "cloudpickle.cloudpickle", "cloudpickle.cloudpickle_fast"}


class RefusedError(pickle.UnpicklingError):
    """A pickle asks for something that is not on the list.

    :param reason: what it asks for
    :param is_by_value: whether that is code inside the pickle
    """

    def __init__(self, reason: str, is_by_value: bool = False):
        super().__init__(reason)
        self.is_by_value = is_by_value


# The one in Python: the faster one in C lets a pickle set attributes of the classes themselves
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
        if place not in PICKLED and place not in self._also:
            raise RefusedError(f"{module}.{name}")
        return getattr(import_module(place[0]), name)

    def load_build(self) -> None:
        if isinstance(self.stack[-2], type):
            raise RefusedError(f"attributes of the class {self.stack[-2].__name__}")
        super().load_build()  # type: ignore[misc]

    dispatch[pickle.BUILD[0]] = load_build


def unpickle(content: bytes, also: Collection[Name] = ()) -> Any:
    """What a pickle holds, built from listed classes only.

    :param content: the pickle
    :param also: exact names beyond ``names.PICKLED``
    :raises RefusedError: if it asks for anything else
    :raises Exception: whatever a damaged pickle leads to
    """
    return _Unpickler(content, also).load()
