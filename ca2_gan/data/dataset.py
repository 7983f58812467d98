"""Labelled images in memory, and the split that does not depend on their order."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.report import Report

# Share of the images held out: that of MNIST and of EMNIST letters
HELD_OUT = 1 / 7


@dataclass(frozen=True)
class Dataset:
    """Images with labels.

    :param images: uint8 [N, C, H, W]
    :param labels: int64 [N] in 0..K-1
    :param class_names: K names
    :param digests: a hash of each image, uint64 [N]
    :param report: what was read, dropped and remapped
    :param whole: the data that this is a part of; None if it is all
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    digests: NDArray[np.uint64] = field(repr=False)
    report: Report = field(repr=False)
    whole: "Dataset | None" = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.images)

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
        """The part to train on; always the same, disjoint from ``test``."""
        return self._parts[0]

    @property
    def test(self) -> "Dataset":
        """The part that is held out."""
        return self._parts[1]

    @cached_property
    def _parts(self) -> tuple["Dataset", "Dataset"]:
        train, test = self.split()
        return replace(train, whole=self), replace(test, whole=self)

    def subset(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Dataset":
        """The images at some positions or under a mask, with the same class names."""
        return replace(self, images=self.images[chosen], labels=self.labels[chosen], digests=self.digests[chosen])

    def split(self, held_out: float = HELD_OUT) -> tuple["Dataset", "Dataset"]:
        """Training and test part. A hash of the image alone decides: the order of the file, the other images and the
        chosen classes change nothing, and equal images fall on the same side.

        :param held_out: expected share of the test part
        :raises UserError: if a class has no image left to train on, or nothing falls into the test part
        """
        is_test = self.digests.astype(np.float64) < held_out * 2.0**64
        counts = np.bincount(self.labels[~is_test], minlength=self.num_classes)
        if not is_test.any() or not counts.all():
            what = "no image" if not is_test.any() else f"every image of class {self.class_names[int(counts.argmin())]!r}"
            raise UserError(
                f"{self.report.source}: {len(self)} images are too few: {what} falls into the held-out seventh. "
                "Give more images, or leave out rare classes with --classes."
            )
        return self.subset(~is_test), self.subset(is_test)


def digest_images(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A 64-bit hash of each image and its shape: [N, C, H, W] -> [N]."""
    shape = repr(images.shape[1:]).encode()[:64]
    rows = memoryview(np.ascontiguousarray(images).reshape(-1).data)
    size = int(np.prod(images.shape[1:]))
    hashes = b"".join(blake2b(rows[i : i + size], digest_size=8, key=shape).digest() for i in range(0, len(rows), size))
    return np.frombuffer(hashes, dtype="<u8").astype(np.uint64)
