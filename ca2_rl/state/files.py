"""Writes and reads a state: a folder with ``state.json`` and ``arrays.npz``, which can't run code."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch as th

from ca2_core.errors import UserError
from ca2_core.files import partial_files

FORMAT = 1
JSON, ARRAYS = "state.json", "arrays.npz"


def write(folder: Path, state: Any) -> None:
    """Writes a state atomically.

    :param folder: folder to create; an older state in it is replaced
    :param state: numbers, strings, None, NumPy arrays and scalars, tensors, and lists, tuples and dicts of these
    :raises TypeError: if the state contains anything else
    :raises OSError: if the state can't be written
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        partial.mkdir()
        arrays: list[np.ndarray] = []
        text = json.dumps({"format": FORMAT, "state": _encode(state, arrays)})
        with (partial / ARRAYS).open("wb") as file:
            np.savez(file, **{str(i): array for i, array in enumerate(arrays)})  # type: ignore[arg-type]
            _to_disk(file)
        with (partial / JSON).open("w", encoding="utf-8") as file:
            file.write(text)
            _to_disk(file)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _to_disk(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def found(folder: Path) -> list[Path]:
    """The states in a folder, complete or not. Other files and folders are left out."""
    named = [path for path in folder.iterdir() if path.name.isdecimal() or path in partial_files(folder)]
    return [path for path in named if path.is_dir() and {each.name for each in path.iterdir()} <= {JSON, ARRAYS}]


def read(folder: Path) -> Any:
    """Reads a state that ``write`` wrote.

    :raises UserError: if the state is missing, damaged, or of another format
    """
    try:
        content = json.loads((folder / JSON).read_text(encoding="utf-8"))
        version = content["format"]
        with (folder / ARRAYS).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            state = _decode(content["state"], {name: arrays[name] for name in arrays.files})
    except FileNotFoundError as error:
        raise UserError(f"{folder}: not the state of a training: {Path(str(error.filename)).name} is missing.") from error
    except Exception as error:  # a damaged file raises almost anything
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"{folder}: damaged ({reason}).") from error
    if version != FORMAT:
        raise UserError(f"{folder}: a state of format {version}, but this version of ca2 reads format {FORMAT}.")
    return state


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, (np.ndarray, np.generic, th.Tensor)):
        kind = {np.ndarray: "array", th.Tensor: "tensor"}.get(type(value), "scalar" if isinstance(value, np.generic) else "tensor")
        array = value.detach().cpu().numpy() if isinstance(value, th.Tensor) else np.asarray(value)
        if array.dtype.hasobject:
            raise TypeError("an array of Python objects can't be saved")
        arrays.append(array)
        return {f"${kind}": str(len(arrays) - 1)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [_encode(item, arrays) for item in value]
    if isinstance(value, tuple):
        return {"$tuple": [_encode(item, arrays) for item in value]}
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _encode(item, arrays) for key, item in value.items()}
        return {"$items": [[_encode(key, arrays), _encode(item, arrays)] for key, item in value.items()]}
    raise TypeError(f"a {type(value).__name__} can't be saved")


def _decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("$array", name)]:
            return arrays[name]
        case [("$tensor", name)]:
            return th.from_numpy(arrays[name])
        case [("$scalar", name)]:
            return arrays[name][()]
        case [("$tuple", items)]:
            return tuple(_decode(item, arrays) for item in items)
        case [("$items", items)]:
            return {_decode(key, arrays): _decode(item, arrays) for key, item in items}
    return {key: _decode(item, arrays) for key, item in value.items()}
