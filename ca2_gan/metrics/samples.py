"""The images to compare: those of a model, a data set, arrays, a folder of pictures or a file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.data import Dataset, Raw, load_data, read
from ca2_gan.data.cleaning import make_light_on_dark
from ca2_gan.data.pictures import has_pictures
from ca2_gan.data.pixels import is_light
from ca2_gan.data.sources import announce
from ca2_gan.data.standard import standardise
from ca2_gan.gan import GAN
from ca2_gan.loading import load
from ca2_gan.model_files import CONFIG
from ca2_gan.registry import datasets
from ca2_gan.training.config import CONFIG as RUN_CONFIG


@dataclass(frozen=True)
class Samples:
    """Images to be compared.

    :param name: name of the source
    :param images: uint8 [N, C, H, W]
    :param labels: class of each image, int64 [N]; None if unknown
    :param class_names: names of the labels; None if the labels are numbers of the other side's classes
    :param guessed: whether the labels are guessed from file names
    :param attributes: further values of each image, by name, [N, ...] each
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    guessed: bool = False
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def take(self, n: int, seed: int) -> "Samples":
        """A random choice of n images, or all if there are fewer; random since files are often sorted by class."""
        if n >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:n])
        labels = None if self.labels is None else self.labels[chosen]
        attributes = {name: values[chosen] for name, values in self.attributes.items()}
        return replace(self, images=self.images[chosen], labels=labels, attributes=attributes)

    def among(self, class_names: Sequence[str]) -> "Samples":
        """A copy whose labels are numbers of these classes.

        :raises UserError: if a label is not one of them
        """
        labels = self.labels
        if labels is None or not class_names:
            return replace(self, class_names=None)
        if self.guessed:
            class_names = [re.sub(r"[^0-9A-Za-z]", "-", name) for name in class_names]
            if not set(self.class_names or ()) <= set(class_names):
                return replace(self, labels=None, class_names=None)
        if self.class_names is not None:
            labels = match_names(self.name, self.class_names, class_names)[labels]
        wrong = labels[(labels < 0) | (labels >= len(class_names))]
        if len(wrong):
            raise UserError(f"{self.name}: label {wrong.max()}, but the data have {len(class_names)} classes, 0 to {len(class_names) - 1}.")
        return replace(self, labels=labels, class_names=None)


def real_samples(dataset: Dataset, name: str) -> Samples:
    return Samples(name, dataset.images, dataset.labels, dataset.class_names, attributes=dataset.attributes)


@dataclass(frozen=True)
class Source:
    """Something that images can be drawn from.

    :param train: training split that belongs to the images, if they are the test part of a data set
    """

    name: str
    origin: GAN | Samples
    train: Dataset | None = None

    @property
    def images(self) -> Samples | None:
        """The images; None for a model, which makes any number of them."""
        return self.origin if isinstance(self.origin, Samples) else None

    @property
    def image_shape(self) -> tuple[int, ...]:
        return self.origin.images.shape[1:] if isinstance(self.origin, Samples) else self.origin.spec.image_shape

    def draw(self, n: int, like: Dataset | Samples | None, seed: int) -> Samples:
        """Draws n images; a conditional model is sampled with the class shares of other images.

        :param like: see ``sample_like``
        :raises UserError: if the other images lack a class of the model
        """
        if isinstance(self.origin, Samples):
            return self.origin.take(n, seed)
        return replace(sample_like(self.origin, n, like, seed), name=self.name)


def sample_like(gan: GAN, n: int, like: Dataset | Samples | None, seed: int) -> Samples:
    """Draws n images of a model with the class shares of other images; an unconditional model's samples have no labels.

    :param like: the other images; None, or images without labels, for all classes in equal shares
    """
    if not gan.is_conditional:
        return Samples(gan.spec.name, gan.sample(n, seed=seed).numpy())
    asked, names = gan.choose_classes(n), gan.class_names
    labels = asked.numpy()
    if like is not None and like.labels is not None and like.class_names is not None:
        of_data, names = match_names(gan.spec.name, gan.class_names, like.class_names), tuple(like.class_names)  # by class of the model
        known = like.labels[np.isin(like.labels, of_data)]
        labels = np.random.default_rng(seed).permutation(np.resize(np.random.default_rng(seed).permutation(known), n))
        of_model = {int(number): model for model, number in enumerate(of_data)}
        asked = torch.tensor([of_model[label] for label in labels.tolist()])
    return Samples(gan.spec.name, gan.sample(n, asked, seed).numpy(), labels, names)


def match_names(who: str, names: Sequence[str], of_data: Sequence[str]) -> NDArray[np.int64]:
    """For each class name, its number in the data.

    :raises UserError: if the data have no such class
    """
    number = {name: i for i, name in enumerate(of_data)}
    for name in names:
        if name not in number:
            raise UserError(f"{who}: class {name!r} is not one of the data's.{did_you_mean(name, of_data)} They are {' '.join(of_data)}.")
    return np.array([number[name] for name in names], dtype=np.int64)


def open_source(x: Any, device: str = "cpu") -> Source:
    """Opens something that images can be drawn from.

    :param x: a model, a ``Dataset``, images or (images, labels) as arrays, or the path or name of a model, a run, a folder of pictures,
        an npz or other data
    :param device: device of a model that is loaded from a path or name
    :raises UserError: if it has no images
    """
    if isinstance(x, GAN):
        return Source(x.spec.name, x)
    if isinstance(x, Dataset):
        return Source(x.report.source, real_samples(x, x.report.source), x.beside)
    if isinstance(x, np.ndarray | Tensor | tuple | list):
        images, labels = x if isinstance(x, tuple | list) and len(x) == 2 else (x, None)
        return Source(
            "arrays", _samples(standardise(Raw("arrays", _array(images), None if labels is None else _array(labels)), may_be_dark=True))
        )
    if not isinstance(x, str | Path):
        raise UserError(f"{type(x).__name__}: can't be compared; a model, a run, a Dataset, arrays, a folder or a file can.")
    path, name = Path(x), str(x)
    is_model = (path / CONFIG).exists() or (path / RUN_CONFIG).exists()
    if path.suffix.lower() == ".npz" and path.is_file():
        return Source(name, _samples(read(path, may_be_dark=True)))
    if path.is_dir() and not is_model:
        if not has_pictures(path):
            raise UserError(f"{path}: neither a run, nor a saved model (no {CONFIG}), nor pictures in it.")
        return Source(name, _named_by_their_files(_samples(read(path, may_be_dark=True)), path))
    if path.is_file() or name in datasets.list():
        return open_source(load_data(name))
    return Source(name, load(x).to(device))


def _array(values: Any) -> NDArray[Any]:
    return values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _samples(raw: Raw) -> Samples:
    """The images of a source, including blank ones, but with light ink on dark, as ``load_data`` makes it."""
    images = raw.images.copy() if is_light(raw.images) else raw.images
    announce(raw.source, (*raw.notes, *make_light_on_dark(images)))
    if raw.labels is None or raw.names is None:
        return Samples(raw.source, images, raw.labels)
    numbers = sorted(raw.names)
    return Samples(raw.source, images, np.searchsorted(numbers, raw.labels), tuple(raw.names[number] for number in numbers))


def _named_by_their_files(samples: Samples, folder: Path) -> Samples:
    """Labels pictures without labels by file names such as `ca2-gan sample` writes, ``000012_Q.png``."""
    found = [path.stem.partition("_")[2] for path in sorted(folder.glob("*.png"))]
    if samples.labels is not None or len(found) != len(samples) or not all(found):
        return samples
    names, labels = np.unique(found, return_inverse=True)
    return replace(samples, labels=labels.astype(np.int64), class_names=tuple(names.tolist()), guessed=True)


def describe_size(shape: Sequence[int]) -> str:
    channels, height, width = shape
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"
