"""Models from wherever they are: a run folder, a saved model, this package, the Hugging Face hub."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.gan import GAN, join_classes
from ca2_gan.model_files import CONFIG as MODEL_CONFIG
from ca2_gan.registry import models, pretrained
from ca2_gan.training.config import CONFIG, read_run

# What no model on the hub is called
FILES = (".csv", ".gz", ".npz", ".parquet", ".png", ".pt", ".safetensors", ".tsv", ".yml", ".zip")


def load(source: Any, *, revision: str | None = None, token: str | bool | None = None) -> GAN:
    """A trained model, in evaluation mode.

    :param source: a run of ``ca2-gan train``, a folder that ``save`` or ``save_pretrained`` wrote, an installed
        trained model, such as ``letters_gan/mnist``, or one on the hub, ``user/name``; a folder comes first
    :param revision: branch, tag or commit on the hub
    :param token: of a private model on the hub
    :raises UserError: if there is none, or a damaged one
    """
    if not isinstance(source, str | Path):
        raise UserError(f"load: {type(source).__name__}: the name or folder of a model is needed.")
    path, name = Path(source), str(source)
    if not path.exists() and path.suffix.lower() in FILES:
        raise UserError(f"{path}: no such file.")
    if path.is_file():
        raise UserError(f"{path}: a run folder or the folder of a saved model is needed, not a file.")
    if path.is_dir() or is_pretrained(name):
        if revision is not None:
            raise UserError(f"{source}: revision={revision!r} is for models on the Hugging Face hub; this one is on this machine.")
        if not path.is_dir():
            return GAN.from_pretrained(pretrained.get(name).folder)
        folders = class_folders(path)
        return (
            join_classes({name: GAN.from_pretrained(folder) for name, folder in folders.items()}) if folders else GAN.from_pretrained(path)
        )
    parts = name.split("/")
    if len(parts) == 2 and all(parts) and not name.startswith((".", "~")):
        return GAN.from_pretrained(name, revision=revision, token=token)
    raise UserError(f"{source}: no such folder.{did_you_mean(name, pretrained)} `ca2-gan train --out FOLDER` makes one.")


def is_pretrained(name: str) -> bool:
    """Whether a name is meant to be that of an installed trained model: it starts with a model of the registry, or is nearly right.

    A typing error should not cost half a minute, which the hub takes to answer when there is no network.
    """
    return name.partition("/")[0] in models.list() or bool(get_close_matches(name, pretrained.list(), cutoff=0.85))


def class_folders(run: Path) -> dict[str, Path]:
    """The folder of each class of a ``--per-class`` run, by class name; empty for any other folder.

    :raises UserError: if it is a run whose ``config.yml`` is damaged, and no model either
    """
    if (run / MODEL_CONFIG).is_file() or not (run / CONFIG).is_file():
        return {}
    config, facts = read_run(run)
    return {name: run / folder for name, folder in facts.folders.items()} if config.data.per_class else {}
