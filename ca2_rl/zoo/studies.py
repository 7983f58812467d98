"""Storages that several processes share in a search of hyperparameters."""

import random
import time
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from ca2_core.errors import UserError

ATTEMPTS = 8
ERRORS = (SQLAlchemyError, StorageInternalError)


def prepare(storage: str | None) -> None:
    """Creates the tables of a database. Unlike Optuna itself, it works if other processes do so at the same time.

    :param storage: value of ``--storage``
    :raises UserError: if Optuna can't use it
    """
    if storage is None or _is_journal(storage):
        return
    for attempt in range(ATTEMPTS):
        try:
            RDBStorage(storage)
            break
        except (IntegrityError, OperationalError) as error:  # another process is creating the tables
            if attempt == ATTEMPTS - 1:
                raise unusable(storage, error) from error
            time.sleep(random.uniform(0.05, 0.25))
        except (*ERRORS, ImportError, ValueError) as error:
            raise unusable(storage, error) from error


def find(storage: str) -> None:
    """Checks that the file of a storage exists, because Optuna would create an empty one.

    :raises UserError: if the file is missing
    """
    is_file = storage.startswith("sqlite:///") or _is_journal(storage)
    if is_file and not Path(storage.removeprefix("sqlite:///")).is_file():
        raise UserError(f"--storage {storage}: no such file.")


def unusable(storage: str | None, error: Exception) -> UserError:
    """The error for a storage that Optuna can't use."""
    cause = str(getattr(error, "orig", None) or error).rstrip(".")
    return UserError(f"--storage {storage}: {cause}. Give sqlite:///study.db, study.log (a file of Optuna's journal) or a database URL.")


def _is_journal(storage: str) -> bool:
    return storage.endswith(".log")
