"""A chain of hashes of a training's losses and weights. Two trainings are identical up to the step where their chains differ."""

import csv
import hashlib
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import torch as th
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from ca2_core.errors import UserError

EVERY = 1_000
LENGTH = 16  # hexadecimal digits of a hash


@dataclass(frozen=True)
class Link:
    """One entry of the chain.

    :param steps: number of steps of the training
    :param losses: hash of what the algorithm has logged about its gradient steps since the last dump
    :param weights: hash of the weights of all networks
    :param chain: hash of this entry and of the previous chain
    """

    steps: int
    losses: str
    weights: str
    chain: str


class HashChain(BaseCallback):
    """Adds an entry to a CSV file every 1,000 steps, at the next beginning of a rollout.

    :param path: the CSV file; a resumed training continues the chain in it
    :param see: called with each new entry
    """

    def __init__(self, path: Path, see: Callable[[Link], None] | None = None):
        super().__init__()
        self.path, self._see = path, see
        self.cpu_seconds = 0.0
        self._links: list[Link] = []

    def _on_training_start(self) -> None:
        self._links = read_chain(self.path) if self.path.is_file() else []
        if not self._links:
            self.path.write_text(",".join(field.name for field in fields(Link)) + "\n", encoding="utf-8")
        self._next = EVERY * (self.model.num_timesteps // EVERY + 1)

    def _on_rollout_start(self) -> None:
        if self.model.num_timesteps >= self._next:
            self._add()

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        if self.model.num_timesteps > (self._links[-1].steps if self._links else 0):
            self._add()

    def _add(self) -> None:
        begin = time.process_time()
        steps, before = self.model.num_timesteps, self._links[-1].chain if self._links else ""
        losses, weights = _losses(self.model), _weights(self.model)
        link = Link(steps, losses, weights, _hash(f"{before},{steps},{losses},{weights}".encode()))
        self._links.append(link)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(",".join(map(str, astuple(link))) + "\n")
        self._next = EVERY * (steps // EVERY + 1)
        self.cpu_seconds += time.process_time() - begin
        if self._see is not None:
            self._see(link)


def read_chain(path: Path) -> list[Link]:
    """Reads the entries of a file.

    :raises UserError: if the file is missing or damaged
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [Link(int(row["steps"]), row["losses"], row["weights"], row["chain"]) for row in csv.DictReader(file)]
    except FileNotFoundError as error:
        reason = "There are no hashes of trainings of version 0.1.0, or that were resumed without their whole state or with other settings."
        raise UserError(f"{path}: no such file. {reason}") from error
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: damaged: {error}.") from error


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:LENGTH]


def _losses(model: BaseAlgorithm) -> str:
    """Hash of the logged losses, including those that are not averaged yet."""
    logged = {name: value for name, value in model.logger.name_to_value.items() if name.startswith("train/")}
    averages = getattr(model, "averages", None)
    kept = {} if averages is None else averages.state_dict()
    return _hash(repr(sorted((name, float(value)) for name, value in logged.items())).encode(), repr(_plain(kept)).encode())


def _plain(value: object) -> object:
    if isinstance(value, th.Tensor):
        return value.tolist()
    return [(repr(name), _plain(its)) for name, its in value.items()] if isinstance(value, dict) else value


def _weights(model: BaseAlgorithm) -> str:
    networks = model.policy.state_dict()
    return _hash(*(networks[name].detach().cpu().contiguous().view(-1).view(th.uint8).numpy().tobytes() for name in sorted(networks)))
