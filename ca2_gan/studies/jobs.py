"""What a study consists of: variants, each trained on some data, for some budget, with several seeds."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_gan.training.config import Config, model_values
from ca2_gan.training.settings import flat
from ca2_gan.versions import versions

# To be raised with every change of what a training measures
MEASUREMENT = 2


@dataclass(frozen=True)
class Variant:
    """A model with its settings.

    :param label: what tables and figures call it, once in a study
    :param changes: settings of the trainer that are not their default, ``model`` among them
    :param tags: what the report groups by; they decide nothing
    :param standing: whether the BatchNorms get standing statistics before the model is measured
    :param per_class: whether each class gets a model of its own, and an equal part of the budget
    """

    label: str
    changes: dict[str, Any]
    tags: dict[str, Any] = field(default_factory=dict)
    standing: bool = True
    per_class: bool = False

    @property
    def model(self) -> str:
        return str(self.changes["model"])

    @cached_property
    def decides(self) -> dict[str, Any]:
        """All settings that decide what weights come out, defaults too, and how they are sampled."""
        config = Config.of({"data": ""} | self.changes)
        settings = {name: value for part in (config.model, config.game, config.optimiser) for name, value in flat(part).items()}
        return {"settings": settings, "standing": self.standing, "per_class": self.per_class}


def as_shipped(model: str, **changes: Any) -> dict[str, Any]:
    """The settings of ``hyperparams/gan/MODEL.yml``, where there is one, with changes."""
    return model_values(model) | changes


@dataclass(frozen=True)
class Budget:
    """When a training ends: CPU minutes or images, one of both."""

    minutes: float | None = None
    images: int | None = None

    @property
    def name(self) -> str:
        """For tables and file names."""
        if self.minutes is None:
            return f"{self.images:,} image{'s' * (self.images != 1)}"
        seconds = 60 * self.minutes
        return f"{seconds:.4g} CPU seconds" if seconds < 100 else f"{self.minutes:.4g} CPU minutes"

    def spent(self, seconds: float, images: int) -> float:
        """Share of the budget, 1 at its end."""
        if self.minutes is not None:
            return seconds / (60 * self.minutes)
        assert self.images is not None
        return images / self.images

    def divided(self, parts: int) -> "Budget":
        """An equal part."""
        if self.minutes is not None:
            return Budget(minutes=self.minutes / parts)
        assert self.images is not None
        return Budget(images=max(self.images // parts, 1))


@dataclass(frozen=True)
class Job:
    """One training.

    :param data: name of the data
    :param key: hash of the data and of the classifiers that look at the images
    """

    variant: Variant
    data: str
    key: str
    budget: Budget
    seed: int

    @property
    def file_name(self) -> str:
        """Another setting is another file."""
        budget = self.budget.name.replace(" ", "-").replace(",", "")
        return f"{digest(self.variant, self.key)}-{budget}-{self.seed}.json"


def digest(variant: Variant, key: str) -> str:
    """Hash of all that decides what comes out, but for budget, seed and machine."""
    decides = [MEASUREMENT, variant.decides, key, versions()]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def plan(variants: Iterable[Variant], data: dict[str, str], budgets: Iterable[Budget], seeds: Iterable[int]) -> list[Job]:
    """Everything with every seed: all of the first seed, then all of the next, so that a part is a small study.

    :param variants: two of the same settings are trained once
    :param data: key by name of the data
    """
    variants, budgets = list(variants), list(budgets)
    jobs: dict[str, Job] = {}
    for seed in seeds:
        for name, key in data.items():
            for budget in budgets:
                for variant in variants:
                    job = Job(variant, name, key, budget, seed)
                    jobs.setdefault(job.file_name, job)
    return list(jobs.values())


def read_records(variants: Iterable[Variant], data: dict[str, str], folder: Path) -> list[dict[str, Any]]:
    """What is there of the variants' trainings on the data, of any budget and seed: each with label and tags of its variant.

    Its job's file is named in it too, by which ``restore_records`` knows it again.

    :raises UserError: if a file is damaged
    """
    records = []
    for name, key in data.items():
        for variant in variants:
            paths = sorted(folder.glob(f"{digest(variant, key)}-*.json"))
            found = {path.name: read_record(path) for path in paths}
            own = {"label": variant.label, "tags": variant.tags, "data": name}
            named = [record | own | {"job": file_name} for file_name, record in found.items()]
            records += sorted(named, key=lambda record: (record["budget"]["minutes"] or 0, record["budget"]["images"] or 0, record["seed"]))
    return records


def read_record(path: Path) -> dict[str, Any]:
    """What is there of one training.

    :raises UserError: if the file is damaged
    """
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        budget = Budget(**record["budget"])
        is_whole = all(isinstance(number, int | float) for number in (record["seed"], budget.minutes or 0, budget.images or 0))
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror or error}.") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise UserError(f"{path}: damaged or cut off. Delete it: the same command trains that once more.")
    return record


def restore_records(content: dict[str, Any], folder: Path) -> None:
    """Files of jobs made from a ``study.json``, so that a study goes on from it where the files are gone.

    :param content: as read from the file
    """
    for record in content["records"]:
        if "job" in record and not (path := folder / record["job"]).is_file():
            measured = content["data"][record["data"]]["measured"]
            of_all = {"cpu": measured["machine"]["cpu"], "command": measured["command"]}  # of records from before each had its own
            with whole_file(path) as partial:
                partial.write_text(json.dumps(of_all | record, allow_nan=False) + "\n", encoding="utf-8")
