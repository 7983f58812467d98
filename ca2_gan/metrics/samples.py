"""What is compared: images of a model, a data set, arrays, a folder of pictures or a file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.data import Dataset, Raw, load_data, read
from ca2_gan.data.pictures import has_pictures
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

    :param name: what they come from
    :param images: uint8 [N, C, H, W]
    :param labels: class that each should be of, int64 [N]; None if nobody said
    :param class_names: of the labels; None if these are numbers of the other side's classes
    :param guessed: whether the labels are only what file names look like
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    guessed: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def take(self, n: int, seed: int) -> "Samples":
        """A random choice of n, at most as many as there are: the order of a file, often by class, should not matter."""
        if n >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:n])
        return replace(self, images=self.images[chosen], labels=None if self.labels is None else self.labels[chosen])

    def among(self, class_names: Sequence[str]) -> "Samples":
        """With labels that are numbers of these classes.

        :raises UserError: if one is none of them
        """
        labels = self.labels
        if labels is None or not class_names:
            return replace(self, class_names=None)
        if self.guessed:
            known = [re.sub(r"[^0-9A-Za-z]", "-", name) for name in class_names]
            assert self.class_names is not None
            if not set(self.class_names) <= set(known):
                return replace(self, labels=None, class_names=None)
            return replace(self, labels=match_names(self.name, self.class_names, known)[labels], class_names=None)
        if self.class_names is not None:
            labels = match_names(self.name, self.class_names, class_names)[labels]
        if not 0 <= labels.min() <= labels.max() < len(class_names):
            wrong = int(labels.max() if labels.max() >= len(class_names) else labels.min())
            raise UserError(f"{self.name}: label {wrong}, but the data have {len(class_names)} classes, 0 to {len(class_names) - 1}.")
        return replace(self, labels=labels, class_names=None)


def real_samples(dataset: Dataset, name: str) -> Samples:
    return Samples(name, dataset.images, dataset.labels, dataset.class_names)


@dataclass(frozen=True)
class Source:
    """Something that images can be had from.

    :param train: the training split beside the images, if they are a part of a data set
    """

    name: str
    origin: GAN | Samples
    train: Dataset | None = None

    @property
    def images(self) -> Samples | None:
        """What there is; None for a model, which makes them."""
        return self.origin if isinstance(self.origin, Samples) else None

    @property
    def available(self) -> int | None:
        """Number of images; None if as many as one likes."""
        return None if self.images is None else len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        return self.origin.images.shape[1:] if isinstance(self.origin, Samples) else self.origin.spec.image_shape

    def draw(self, n: int, like: Dataset | Samples | None, seed: int) -> Samples:
        """Draws n images; a conditional model is asked for the classes in the shares they have in other images.

        :raises UserError: if a model's classes are none of the others'
        """
        if isinstance(self.origin, Samples):
            return self.origin.take(n, seed)
        return replace(sample_like(self.origin, n, like, seed), name=self.name)


def sample_like(gan: GAN, n: int, like: Dataset | Samples | None, seed: int) -> Samples:
    """Draws n images of a model, classes in the shares of other images; without labels if the model takes none.

    :param like: images of a model without labels or None ask for all classes in equal shares
    """
    if not gan.is_conditional:
        return Samples(gan.spec.name, gan.sample(n, seed=seed).numpy())
    if like is None or like.labels is None or like.class_names is None:
        labels = gan.choose_classes(n)
        return Samples(gan.spec.name, gan.sample(n, labels, seed=seed).numpy(), labels.numpy(), gan.class_names)
    of_data = match_names(gan.spec.name, gan.class_names, like.class_names)  # class of the data by class of the model
    known = like.labels[np.isin(like.labels, of_data)]
    labels_of_data = np.random.default_rng(seed).permutation(np.resize(np.random.default_rng(seed).permutation(known), n))
    of_model = {int(data): model for model, data in enumerate(of_data)}
    asked = [of_model[int(label)] for label in labels_of_data]
    return Samples(gan.spec.name, gan.sample(n, labels=asked, seed=seed).numpy(), labels_of_data, like.class_names)


def match_names(who: str, names: Sequence[str], of_data: Sequence[str]) -> NDArray[np.int64]:
    """For each class name, its number in the data.

    :raises UserError: if the data have no such class
    """
    number = {name: i for i, name in enumerate(of_data)}
    for name in names:
        if name not in number:
            raise UserError(f"{who}: class {name!r} is none of the data's.{did_you_mean(name, of_data)} They are {' '.join(of_data)}.")
    return np.array([number[name] for name in names], dtype=np.int64)


def open_source(x: Any, device: str = "cpu") -> Source:
    """What something stands for.

    :param x: a model, a ``Dataset``, images or (images, labels) as arrays, or the path or name of a model, a run, a folder of pictures,
        an npz or other data
    :param device: where a model that is loaded samples
    :raises UserError: if it is nothing that has images
    """
    if isinstance(x, GAN):
        return Source(x.spec.name, x)
    if isinstance(x, Dataset):
        return Source(x.report.source, real_samples(x, x.report.source), x.beside)
    if isinstance(x, np.ndarray | Tensor | tuple | list):
        images, labels = x if isinstance(x, tuple | list) and len(x) == 2 else (x, None)
        return Source("arrays", _samples(standardise(Raw("arrays", _array(images), None if labels is None else _array(labels)))))
    if not isinstance(x, str | Path):
        raise UserError(f"{type(x).__name__}: nothing to compare; a model, a run, a Dataset, arrays, a folder or a file is.")
    path, name = Path(x), str(x)
    if path.suffix.lower() == ".npz" and path.is_file():
        return Source(name, _samples(read(path)))
    if path.is_dir() and not (path / CONFIG).exists() and not (path / RUN_CONFIG).exists() and has_pictures(path):
        return Source(name, _read_pictures(path))
    if path.is_file() or name in datasets.list():
        return open_source(load_data(name))
    if path.is_dir() and not (path / CONFIG).exists() and not (path / RUN_CONFIG).exists():
        raise UserError(f"{path}: neither a run, nor a saved model (no {CONFIG}), nor pictures in it.")
    return Source(name, load(x).to(device))


def _array(values: Any) -> NDArray[Any]:
    return values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _samples(raw: Raw) -> Samples:
    announce(raw.source, raw.notes)
    if raw.labels is None or raw.names is None:
        return Samples(raw.source, raw.images, raw.labels)
    numbers = sorted(raw.names)
    return Samples(raw.source, raw.images, np.searchsorted(numbers, raw.labels), tuple(raw.names[number] for number in numbers))


def _read_pictures(folder: Path) -> Samples:
    """Pictures with the labels of their subfolders, or of file names as `ca2-gan sample` gives them, ``000012_Q.png``."""
    samples = _samples(read(folder))
    if samples.labels is not None:
        return samples
    found = [path.stem.partition("_")[2] for path in sorted(folder.glob("*.png"))]
    if len(found) != len(samples) or not all(found):
        return samples
    names, labels = np.unique(found, return_inverse=True)
    return replace(samples, labels=labels.astype(np.int64), class_names=tuple(names.tolist()), guessed=True)


def describe_size(shape: Sequence[int]) -> str:
    channels, height, width = shape
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"
