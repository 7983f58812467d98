"""Folders that ``ca2-rl train`` wrote."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ca2_core.errors import UserError


class _ZooLoader(yaml.SafeLoader):
    """Reads the ``OrderedDict`` that rl-zoo3 dumps into ``args.yml`` and ``config.yml``, and no other Python object."""


def _ordered_dict(loader: _ZooLoader, node: yaml.SequenceNode) -> dict[str, Any]:
    return dict(loader.construct_sequence(node, deep=True)[0])


_ZooLoader.add_constructor("tag:yaml.org,2002:python/object/apply:collections.OrderedDict", _ordered_dict)


@dataclass(frozen=True)
class Run:
    """A run folder in rl-zoo3's layout: ``<algo>/<env>_<id>/`` with ``<env>.zip`` and ``<env>/args.yml``.

    :param folder: the folder
    :param params_folder: where ``args.yml`` and ``config.yml`` are
    :param args: the command line of the training, by name
    """

    folder: Path
    params_folder: Path
    args: dict[str, Any]
    algo: str
    env_id: str
    seed: int

    @property
    def model_path(self) -> Path:
        """The last model.

        :raises UserError: if it is not there
        """
        path = self.folder / f"{self.params_folder.name}.zip"
        if not path.is_file():
            raise UserError(f"{self.folder}: no {path.name}: the training has not finished.")
        return path


def read_run(folder: Path) -> Run:
    """The run in a folder.

    :raises UserError: if it is none
    """
    found = list(folder.glob("*/args.yml"))
    if len(found) != 1:
        raise UserError(f"{folder}: no run folder of `ca2-rl train` (such as logs/noisydqn/Pendulum-v1_1).")
    try:
        args = yaml.load(found[0].read_text(encoding="utf-8"), Loader=_ZooLoader)  # noqa: S506 (it is a SafeLoader)
        return Run(folder, found[0].parent, args, str(args["algo"]), str(args["env"]), int(args["seed"]))
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{found[0]}: can't be read as the arguments of a training: {error}") from error


def find_runs(paths: Iterable[str | Path]) -> list[Run]:
    """The runs at or below the given folders, sorted by path.

    :raises UserError: if a folder is missing or has none
    """
    runs: dict[Path, Run] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            raise UserError(f"{path}: no such folder. `ca2-rl train` writes its runs to logs/<algo>/<env>_<number>.")
        folders = sorted({args.parents[1] for args in path.rglob("args.yml")})
        if not folders:
            raise UserError(f"{path}: no run of `ca2-rl train` in it.")
        runs |= {folder.resolve(): read_run(folder) for folder in folders}
    return list(runs.values())
