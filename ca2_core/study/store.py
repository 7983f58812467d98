"""Stores the record of each of a study's jobs in a file, so that no finished job is lost or repeated."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_core.study.cases import Case, Job


class Store:
    """A folder of records. The file name depends on settings, seed and versions.

    :param folder: created when the first record is written
    :param versions: versions of the packages on which results depend
    """

    def __init__(self, folder: Path, versions: Mapping[str, str]):
        self.folder, self.versions = folder, versions

    def path(self, job: Job) -> Path:
        """Path of a job's record, whether it exists or not."""
        return self.folder / f"{self._digest(job.case.settings)}-{job.seed}.json"

    def _digest(self, settings: Mapping[str, Any]) -> str:
        decides = json.dumps([settings, self.versions], sort_keys=True, allow_nan=False)
        return hashlib.sha256(decides.encode()).hexdigest()[:16]

    def has(self, job: Job) -> bool:
        return self.path(job).is_file()

    def write(self, job: Job, record: Mapping[str, Any]) -> None:
        """Writes a job's record atomically.

        :raises ValueError: if a number in the record is not finite
        """
        with whole_file(self.path(job)) as partial:
            partial.write_text(json.dumps(record, allow_nan=False) + "\n", encoding="utf-8")

    def read(self, cases: Iterable[Case]) -> list[dict[str, Any]]:
        """All existing records of the cases, sorted by case and seed. Each gets the names of its variant and task.

        :raises UserError: if a file is damaged
        """
        records: list[dict[str, Any]] = []
        for case in cases:
            paths = self.folder.glob(f"{self._digest(case.settings)}-*.json")
            by_seed = sorted(paths, key=lambda path: int(path.stem.rpartition("-")[2]))
            records += [{"variant": case.variant, "task": case.task} | read_record(path) for path in by_seed]
        return records

    def restore(self, content: Mapping[str, Any]) -> None:
        """Creates missing record files from a published ``study.json``, so that a study can continue from it.

        :param content: as read from the file
        """
        published = Store(self.folder, content["versions"])
        cases = {(case["variant"], case["task"]): Case(case["variant"], case["task"], case["settings"]) for case in content["cases"]}
        for record in content["records"]:
            job = Job(cases[record["variant"], record["task"]], record["seed"])
            if not published.has(job):
                published.write(job, {name: value for name, value in record.items() if name not in ("variant", "task")})


def read_record(path: Path) -> dict[str, Any]:
    """Content of a JSON file that holds an object.

    :raises UserError: if the file is damaged
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise UserError(f"{path}: damaged or cut off. Delete it; the same command will make it again.")
    return record
