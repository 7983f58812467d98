"""Storage that several processes share while they search hyperparameters."""

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
    """Makes the tables of a database, also if other processes do so at this moment: Optuna alone fails then.

    :param storage: as on the command line
    :raises UserError: if Optuna can't use it
    """
    if storage is None or _is_journal(storage):
        return
    for attempt in range(ATTEMPTS):
        try:
            RDBStorage(storage)
            break
        except (IntegrityError, OperationalError) as error:  # another process is between two tables
            if attempt == ATTEMPTS - 1:
                raise unusable(storage, error) from error
            time.sleep(random.uniform(0.05, 0.25))
        except (*ERRORS, ImportError, ValueError) as error:
            raise unusable(storage, error) from error


def find(storage: str) -> None:
    """Sees that a file is there: Optuna would make an empty one.

    :raises UserError: if it is not
    """
    is_file = storage.startswith("sqlite:///") or _is_journal(storage)
    if is_file and not Path(storage.removeprefix("sqlite:///")).is_file():
        raise UserError(f"--storage {storage}: no such file.")


def unusable(storage: str | None, error: Exception) -> UserError:
    """What to say of a storage that Optuna can't use."""
    cause = str(getattr(error, "orig", None) or error).rstrip(".")
    return UserError(f"--storage {storage}: {cause}. Give sqlite:///study.db, study.log (a file of Optuna's journal) or a database's URL.")


def _is_journal(storage: str) -> bool:
    return storage.endswith(".log")
