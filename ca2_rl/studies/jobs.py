"""What a study consists of: variants, each trained with several seeds."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ca2_core.files import whole_file
from ca2_rl.studies.conditions import versions

# To be raised with every change of what a training measures
MEASUREMENT = 2


@dataclass(frozen=True)
class Variant:
    """An agent with its settings.

    :param label: what tables and figures call it, once in a study
    :param algo: the zoo's key of the algorithm
    :param hyperparams: in the zoo's format
    :param tags: what the report groups by; it decides nothing
    """

    label: str
    algo: str
    hyperparams: dict[str, Any]
    tags: dict[str, Any] = field(default_factory=dict)

    @property
    def n_timesteps(self) -> int:
        return int(self.hyperparams["n_timesteps"])

    def digest(self, steps: int) -> str:
        """Hash of all that decides the outcome of ``steps`` steps, but for the seed and the machine."""
        settings = {name: value for name, value in self.hyperparams.items() if name != "n_timesteps"}
        decides = [MEASUREMENT, self.algo, settings, steps, versions()]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Job:
    """One training."""

    variant: Variant
    seed: int
    steps: int

    @property
    def file_name(self) -> str:
        """Another setting is another file."""
        return f"{self.variant.digest(self.steps)}-{self.seed}.json"


def plan(variants: Iterable[Variant], seeds: Iterable[int], steps: int | None = None) -> list[Job]:
    """Every variant with every seed: all of the first seed, then all of the next, so that a part is a small study.

    :param variants: two of the same settings are trained once
    :param steps: instead of each variant's own
    """
    variants = list(variants)
    jobs: dict[str, Job] = {}
    for seed in seeds:
        for variant in variants:
            job = Job(variant, seed, steps or variant.n_timesteps)
            jobs.setdefault(job.file_name, job)
    return list(jobs.values())


def read_records(variants: Iterable[Variant], folder: Path, steps: int | None = None) -> list[dict[str, Any]]:
    """What is there of the variants' trainings, of any seed: each with label and tags of its variant.

    Its job's file is named in it too, by which ``restore_records`` knows it again.
    """
    records = []
    for variant in variants:
        paths = folder.glob(f"{variant.digest(steps or variant.n_timesteps)}-*.json")
        for path in sorted(paths, key=lambda path: int(path.stem.rpartition("-")[2])):
            record = json.loads(path.read_text(encoding="utf-8"))
            records.append(record | {"label": variant.label, "tags": variant.tags, "job": path.name})
    return records


def restore_records(content: dict[str, Any], folder: Path) -> None:
    """Files of jobs made from a ``study.json``, so that a study goes on from it where the files are gone.

    :param content: as read from the file
    """
    cpu = {"cpu": content["machine"]["cpu"]}  # of records from before each had its own
    for record in content["records"]:
        if "job" in record and not (path := folder / record["job"]).is_file():
            with whole_file(path) as partial:
                partial.write_text(json.dumps(cpu | record, allow_nan=False) + "\n", encoding="utf-8")
