"""Writes and reads ``state.pt``, the checkpoint from which a run resumes."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ca2_core.errors import UserError
from ca2_core.files import whole_file

STATE = "state.pt"


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """Replaces ``state.pt`` once the new file is on the disk.

    :raises OSError: if it can't be written; the previous file is kept then
    """
    content = io.BytesIO()  # torch.save to a file turns a full disk into a RuntimeError without a reason
    torch.save(state, content)
    with whole_file(folder / STATE) as path, path.open("wb") as file:
        file.write(content.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def read_state(folder: Path, model: str, data: str) -> dict[str, Any] | None:
    """The state in a run folder, or None if there is none yet.

    :param model: name of the model that it should belong to
    :param data: fingerprint of the data that it should belong to
    :raises UserError: if it is damaged, or of another model or other data
    """
    path = folder / STATE
    try:
        content = io.BytesIO(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror or error}.") from error
    try:
        state: dict[str, Any] = torch.load(content, map_location="cpu", weights_only=True)
        found_model, found_data = state["model"], state["data"]
    except Exception as error:  # whatever the bytes lead to
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{path}: damaged or cut off ({reason}). Delete it to start this run again from the beginning.") from error
    if found_model != model:
        raise UserError(f"{path}: the checkpoint of a {found_model}, not of a {model}. Take another --out, or delete the folder.")
    if found_data != data:
        raise UserError(f"{path}: the run was trained on other data ({found_data}, now {data}). Give the same --data, or another --out.")
    return state


@contextmanager
def explained_disk_errors(folder: Path) -> Iterator[None]:
    """Turns an error of the file system into a message of one line.

    :raises UserError: for an OSError
    """
    try:
        yield
    except OSError as error:
        kept = "the last good checkpoint is kept: free some space and `--resume`" if (folder / STATE).exists() else "nothing was saved yet"
        raise UserError(f"{folder}: can't write: {error.strerror or error}; {kept}.") from error
