"""Finds and reads the run folders of ``ca2-rl train``."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ca2_core.errors import UserError
from ca2_rl.loading.yaml_files import read_yaml


@dataclass(frozen=True)
class Run:
    """A run folder in rl-zoo3's layout: ``<algo>/<env>_<id>/`` with ``<env>.zip`` and ``<env>/args.yml``.

    :param folder: the run folder
    :param params_folder: folder of ``args.yml`` and ``config.yml``
    :param args: arguments of the training, by name
    """

    folder: Path
    params_folder: Path
    args: dict[str, Any]
    algo: str
    env_id: str
    seed: int

    @property
    def number(self) -> int:
        """The number at the end of the folder's name; 0 without one."""
        digits = self.folder.name.rpartition("_")[2]
        return int(digits) if digits.isdigit() else 0

    @property
    def model_path(self) -> Path:
        """Path of the last model.

        :raises UserError: if there is none
        """
        path = self.folder / f"{self.params_folder.name}.zip"
        if not path.is_file():
            raise UserError(f"{self.folder}: no {path.name}: the training has not finished.")
        return path


def read_run(folder: Path, trust: bool = False) -> Run:
    """Reads a run folder.

    :param trust: whether the files may name Python objects, which can run code
    :raises UserError: if the folder is not a run folder
    """
    found = list(folder.glob("*/args.yml"))
    if len(found) != 1:
        raise UserError(f"{folder}: not a run folder of `ca2-rl train` (such as logs/noisydqn/Pendulum-v1_1).")
    args = read_yaml(found[0], trust)
    if ":" in str(args.get("env")):
        raise UserError(f"{found[0]}: the env {args['env']!r} names a module to import. Write only the id, and give --gym-packages.")
    try:
        return Run(folder, found[0].parent, args, str(args["algo"]), str(args["env"]), int(args["seed"]))
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise UserError(f"{found[0]}: can't be read as the arguments of a training: {error}") from error


def find_runs(paths: Iterable[str | Path]) -> list[Run]:
    """Finds all runs in the given folders, sorted by path within each.

    :raises UserError: if a folder is missing or contains no run
    """
    runs: dict[Path, Run] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            raise UserError(f"{path}: no such folder. `ca2-rl train` writes its runs to logs/<algo>/<env>_<number>.")
        folders = sorted({args.parents[1] for args in path.rglob("args.yml")})
        if not folders:
            raise UserError(f"{path}: contains no run of `ca2-rl train`.")
        runs |= {folder.resolve(): read_run(folder) for folder in folders}
    return list(runs.values())


def usable(runs: Iterable[Run], needed: Callable[[Run], object]) -> list[Run]:
    """The runs that pass a check. Prints a line on stderr for each of the others.

    :param needed: the check, which raises ``UserError`` for a run that can't be used
    :raises UserError: if no run passes
    """
    found, errors = [], []
    for run in runs:
        try:
            needed(run)
            found.append(run)
        except UserError as error:
            errors.append(error)
    if not found and errors:
        raise errors[0]
    for reason in errors:
        print(f"left out: {reason}", file=sys.stderr)
    return found


def finished(runs: Iterable[Run]) -> list[Run]:
    """The runs that have a model; see ``usable``."""
    return usable(runs, lambda run: run.model_path)


def latest_of_each(runs: Iterable[Run]) -> list[Run]:
    """For each algorithm and env, the run with the highest number; sorted by algorithm and env."""
    latest: dict[tuple[str, str], Run] = {}
    for run in sorted(runs, key=lambda run: run.number):
        latest[run.algo, run.env_id] = run
    return [latest[key] for key in sorted(latest)]
