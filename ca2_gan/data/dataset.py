"""Labelled images in memory, with a split that does not depend on their order."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.report import Report

# Share of the images that are held out, the same as in MNIST and EMNIST letters
HELD_OUT = 1 / 7


@dataclass(frozen=True, eq=False)
class Dataset(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Images with labels; ``data[i]`` is an image [C, H, W] and its label.

    :param images: uint8 [N, C, H, W]
    :param labels: int64 [N] in 0..K-1
    :param class_names: K names
    :param digests: a hash of each image, uint64 [N]
    :param report: what was read, dropped and remapped
    :param is_test: which images are held out, bool [N]; None to choose them by a hash of each image
    :param attributes: further values of each image, by name, [N, ...] each
    :param beside: training part that belongs to this held-out part; None for other data
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    digests: NDArray[np.uint64]
    report: Report
    is_test: NDArray[np.bool_] | None = None
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    beside: "Dataset | None" = None

    def __repr__(self) -> str:
        channels, height, width = self.image_shape
        return f"Dataset({self.report.source}: {len(self):,} images [{channels}, {height}, {width}], classes {' '.join(self.class_names)})"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(self.images[i].copy()), int(self.labels[i])

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """C, H, W"""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @cached_property
    def fingerprint(self) -> str:
        """A hash of images, labels and class names, 16 hex digits."""
        content = blake2b(repr((self.images.shape, self.class_names)).encode(), digest_size=8)
        content.update(self.digests.tobytes())
        content.update(self.labels.tobytes())
        return content.hexdigest()

    @property
    def train(self) -> "Dataset":
        """The training part, which has no image of ``test``. The training part of a training part is itself.

        :raises UserError: if there are too few images for two parts
        """
        return self if self.is_test is not None and not self.is_test.any() else self.split()[0]

    @property
    def test(self) -> "Dataset":
        """The held-out part: the source's own test part or, without one, about a seventh, chosen by a hash of each image.

        :raises UserError: if there are too few images for two parts
        """
        return self if self.is_test is not None and self.is_test.all() else self.split()[1]

    def subset(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Dataset":
        """The images at some positions or under a mask, with the same class names."""
        return replace(
            self,
            images=self.images[chosen],
            labels=self.labels[chosen],
            digests=self.digests[chosen],
            is_test=None if self.is_test is None else self.is_test[chosen],
            attributes={name: values[chosen] for name, values in self.attributes.items()},
        )

    def only(self, label: int) -> "Dataset":
        """The images of one class, as data of a single class."""
        alone = self.subset(self.labels == label)
        return replace(alone, class_names=(self.class_names[label],), labels=alone.labels * 0)

    def split(self) -> tuple["Dataset", "Dataset"]:
        """``train`` and ``test``. A split by hash depends on neither the order of the images nor the other images or classes, and
        equal images are in the same part. Copies of the source's own test images are left out of ``train``.

        :raises UserError: if a class has no image left to train on, or the test part is empty
        """
        return self._parts

    @cached_property
    def _parts(self) -> tuple["Dataset", "Dataset"]:
        is_test = self.digests.astype(np.float64) < HELD_OUT * 2.0**64 if self.is_test is None else self.is_test
        is_train = ~np.isin(self.digests, self.digests[is_test])
        counts = np.bincount(self.labels[is_train], minlength=self.num_classes)
        if not is_test.any() or not counts.all():
            if self.is_test is not None and self.is_test.all() == self.is_test.any():
                raise UserError(f"{self.report.source}: this is only one part of the data. Take `train` and `test` of the whole data.")
            if self.is_test is not None:
                absent = self.class_names[int(counts.argmin())]
                raise UserError(f"{self.report.source}: class {absent!r} is only in the test part. Give images of it to train on.")
            what = "no image" if not is_test.any() else f"every image of class {self.class_names[int(counts.argmin())]!r}"
            raise UserError(
                f"{self.report.source}: {len(self):,} images are too few: {what} falls into the held-out seventh. "
                "Give more images, or leave out rare classes with --classes."
            )
        train = self._part(is_train, is_test=False)
        return train, replace(self._part(is_test, is_test=True), beside=train)

    def _part(self, chosen: NDArray[np.bool_], *, is_test: bool) -> "Dataset":
        return replace(self.subset(chosen), is_test=np.full(int(chosen.sum()), is_test))


def digest_images(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A 64-bit hash of each image and its shape: [N, C, H, W] -> [N]."""
    shape = repr(images.shape[1:]).encode()[:64]
    rows = memoryview(np.ascontiguousarray(images).reshape(-1).data)
    size = int(np.prod(images.shape[1:]))
    hashes = b"".join(blake2b(rows[i : i + size], digest_size=8, key=shape).digest() for i in range(0, len(rows), size))
    return np.frombuffer(hashes, dtype="<u8").astype(np.uint64)
