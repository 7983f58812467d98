"""What is judged: images from a run, a saved model, a folder of PNGs or an npz."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.data import Dataset, Raw, read
from ca2_gan.data.pictures import has_pictures
from ca2_gan.data.sources import announce
from ca2_gan.gan import CONFIG, GAN
from ca2_gan.loading import load
from ca2_gan.training.config import CONFIG as RUN_CONFIG


@dataclass(frozen=True)
class Samples:
    """Images to be judged.

    :param name: what they come from
    :param images: uint8 [N, C, H, W]
    :param labels: class of the data that each should be of, int64 [N]; None if nobody said
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None

    def take(self, n: int, seed: int) -> "Samples":
        """A random choice of n, at most as many as there are: the order of a file, often by class, should not matter."""
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self.images))[:n])
        return Samples(self.name, self.images[chosen], None if self.labels is None else self.labels[chosen])


def real_samples(dataset: Dataset, name: str) -> Samples:
    return Samples(name, dataset.images, dataset.labels)


@dataclass(frozen=True)
class Source:
    """Something that images can be had from.

    :param available: number of images; None if as many as one likes
    """

    name: str
    origin: GAN | Samples

    @property
    def available(self) -> int | None:
        return len(self.origin.images) if isinstance(self.origin, Samples) else None

    def draw(self, n: int, train: Dataset, seed: int) -> Samples:
        """Draws n images; a conditional model is asked for the classes in the shares they have in the training split.

        :raises UserError: if a model's classes are none of the data's
        """
        if isinstance(self.origin, Samples):
            return self.origin.take(n, seed)
        return replace(sample_like(self.origin, n, train, seed), name=self.name)


def sample_like(gan: GAN, n: int, train: Dataset, seed: int) -> Samples:
    """Draws n images of a model, classes in the shares of ``train``; without labels if the model takes none."""
    if not gan.is_conditional:
        return Samples(gan.spec.name, gan.sample(n, seed=seed).numpy(), None)
    of_data = match_names(gan.spec.name, gan.class_names, train.class_names)  # class of the data by class of the model
    known = train.labels[np.isin(train.labels, of_data)]
    labels = np.random.default_rng(seed).permutation(np.resize(np.random.default_rng(seed).permutation(known), n))
    of_model = {int(data): model for model, data in enumerate(of_data)}
    asked = [of_model[int(label)] for label in labels]
    return Samples(gan.spec.name, gan.sample(n, labels=asked, seed=seed).numpy(), labels)


def match_names(who: str, names: Sequence[str], of_data: Sequence[str]) -> NDArray[np.int64]:
    """For each class name, its number in the data.

    :raises UserError: if the data have no such class
    """
    number = {name: i for i, name in enumerate(of_data)}
    for name in names:
        if name not in number:
            raise UserError(f"{who}: class {name!r} is none of the data's.{did_you_mean(name, of_data)} They are {' '.join(of_data)}.")
    return np.array([number[name] for name in names], dtype=np.int64)


def open_source(path: str, dataset: Dataset) -> Source:
    """What a path stands for.

    :raises UserError: if it is nothing that can be judged, or does not fit the data
    """
    folder = Path(path)
    if folder.is_file():
        if folder.suffix.lower() != ".npz":
            raise UserError(f"{path}: not something to judge: a run, a saved model, a folder of PNGs or an .npz is.")
        source = Source(path, _samples(read(folder), dataset))
    elif folder.is_dir() and not (folder / CONFIG).exists() and not (folder / RUN_CONFIG).exists():
        if not has_pictures(folder):
            raise UserError(f"{path}: neither a run, nor a saved model (no {CONFIG}), nor pictures in it.")
        raw = read(folder)
        source = Source(path, _samples(replace(raw, labels=_labels_of_names(folder, dataset)) if raw.labels is None else raw, dataset))
    else:
        source = Source(path, load(path))
    shape = source.origin.images.shape[1:] if isinstance(source.origin, Samples) else source.origin.spec.image_shape
    if tuple(shape) != dataset.image_shape:
        raise UserError(f"{path}: images of {_size(shape)}, but the data's are {_size(dataset.image_shape)}.")
    return source


def _samples(raw: Raw, dataset: Dataset) -> Samples:
    """Labels as numbers of the data's classes, by name where there are names."""
    announce(raw.source, raw.notes)
    labels = raw.labels
    if labels is not None and raw.names is not None:
        labels = match_names(raw.source, list(raw.names.values()), dataset.class_names)[labels]
    if labels is not None and not 0 <= labels.min() <= labels.max() < dataset.num_classes:
        wrong = int(labels.max() if labels.max() >= dataset.num_classes else labels.min())
        raise UserError(f"{raw.source}: label {wrong}, but the data have {dataset.num_classes} classes, 0 to {dataset.num_classes - 1}.")
    return Samples(raw.source, raw.images, labels)


def _labels_of_names(folder: Path, dataset: Dataset) -> NDArray[np.int64] | None:
    """Labels from file names as `ca2-gan sample` gives them, ``000012_Q.png``; None unless every name has a class in it."""
    number = {re.sub(r"[^0-9A-Za-z]", "-", name): i for i, name in enumerate(dataset.class_names)}
    found = [number.get(path.stem.partition("_")[2]) for path in sorted(folder.glob("*.png"))]
    return None if None in found else np.array(found, dtype=np.int64)


def _size(shape: Sequence[int]) -> str:
    channels, height, width = shape
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"
