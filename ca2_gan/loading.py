"""Models from wherever they are: a run folder, a saved model, this package, the Hugging Face hub."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import torch
from torch import Tensor

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.gan import CONFIG as MODEL_CONFIG
from ca2_gan.gan import GAN, load_gan
from ca2_gan.registry import pretrained
from ca2_gan.trainers.settings import CONFIG, read_run


def load(source: str | Path) -> GAN:
    """A trained model, in evaluation mode.

    :param source: a run of ``ca2-gan train``, a folder that ``save_pretrained`` wrote, a model that comes with the package, such as
        ``letters_gan/mnist``, or one on the hub, ``user/name``; a folder comes first
    :raises UserError: if there is none, or a damaged one
    """
    path = Path(source)
    if path.is_dir():
        folders = class_folders(path)
        return PerClass(path, folders) if folders else load_gan(path)
    if path.is_file():
        raise UserError(f"{path}: a run folder or the folder of a saved model is needed, not a file.")
    name = str(source)
    parts = name.split("/")
    if is_pretrained(name):
        return load_gan(pretrained.get(name).folder)
    if len(parts) == 2 and all(parts) and not name.startswith((".", "~")):
        return GAN.from_pretrained(name)
    raise UserError(f"{source}: no such folder.{did_you_mean(name, pretrained)} `ca2-gan train --out FOLDER` makes one.")


def is_pretrained(name: str) -> bool:
    """Whether a name is, or was meant to be, of a model that comes with the package: right in its first half or nearly right as a whole.

    A slip should not send anyone to the hub, which offline answers after half a minute.
    """
    models = {shipped.partition("/")[0] for shipped in pretrained}
    return name.partition("/")[0] in models or bool(get_close_matches(name, pretrained.list(), cutoff=0.85))


def class_folders(run: Path) -> dict[str, Path]:
    """The folder of each class of a ``--per-class`` run, by class name; empty for any other folder.

    :raises UserError: if it is a run whose ``config.yml`` is damaged, and no model either
    """
    if (run / MODEL_CONFIG).is_file() or not (run / CONFIG).is_file():
        return {}
    settings, facts = read_run(run)
    return {name: run / folder for name, folder in facts.folders.items()} if settings.per_class else {}


class PerClass(GAN):
    """One unconditional model per class, used as if they were one conditional model.

    :param run: the run folder
    :param folders: folder of each class's model by class name
    :raises UserError: if one of the models can't be loaded, or makes other images than the first
    """

    def __init__(self, run: Path, folders: dict[str, Path]):
        models = [load_gan(folder) for folder in folders.values()]
        first = models[0]
        for model, folder in zip(models, folders.values(), strict=True):
            if (model.spec.image_shape, model.spec.noise_dim) != (first.spec.image_shape, first.spec.noise_dim):
                raise UserError(f"{folder}: a model of other images or noise than the first class's. Train the classes of {run} together.")
        super().__init__(**{**first.config, "num_classes": len(models), "class_names": list(folders)})
        for player in self.players():  # only the classes' own are trained
            setattr(self, player, None)
        self.models = torch.nn.ModuleList(models)
        self.is_conditional = True
        self.eval()

    def images_from(self, noise: Tensor, labels: Sequence[int] | Tensor) -> Tensor:
        labels = torch.as_tensor(labels)
        images = torch.empty(len(noise), *self.spec.image_shape, dtype=torch.uint8)
        for label, model in enumerate(self.models):
            mine = labels == label
            if mine.any():
                assert isinstance(model, GAN)
                images[mine] = model.images_from(noise[mine], torch.zeros(int(mine.sum()), dtype=torch.int64))
        return images

    def save(self, folder: str | Path) -> None:
        raise UserError("a run of one model per class is saved class by class: each of its folders is a model.")
