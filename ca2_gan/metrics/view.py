"""Images with their features, which every extractor computes only once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ca2_core.errors import UserError
from ca2_gan.cache import cache_path, keep_file
from ca2_gan.metrics.extractors import Module, Seen
from ca2_gan.metrics.frechet import Moments, moments
from ca2_gan.metrics.neighbours import nearest
from ca2_gan.metrics.samples import Samples

T = TypeVar("T")


@dataclass
class View:
    """Images with their features.

    :param extractors: by name in the registry
    :param key: everything that the choice of real images depends on, as a cache key; None for no cache
    :param once: for training images, positions of the images without duplicates; None if there are no duplicates
    """

    samples: Samples
    extractors: Mapping[str, Module]
    key: tuple[object, ...] | None = None
    once: NDArray[np.intp] | None = None
    _found: dict[tuple[str, str | None], Any] = field(default_factory=dict)

    def features(self, extractor: str | None) -> NDArray[np.float32]:
        """Features of the images: [N, d]."""
        return self._seen(str(extractor)).features

    def classes(self, extractor: str | None = "classifier") -> NDArray[np.int64]:
        """Most likely class of each image by an extractor: [N].

        :raises UserError: if the extractor does not classify the data
        """
        classes: NDArray[np.int64] = self.logits(extractor).argmax(axis=1)
        return classes

    def logits(self, extractor: str | None = "classifier") -> NDArray[np.float32]:
        """Class logits of the images: [N, K].

        :raises UserError: if the extractor does not classify the data
        """
        logits = self._seen(str(extractor)).logits
        if logits is None:
            raise UserError(f"{extractor} does not classify the data. Only metrics that compare features can use it.")
        return logits

    def labels(self) -> NDArray[np.int64]:
        """Label of each image or, without labels, its class by the classifier: [N]."""
        return self.classes() if self.samples.labels is None else self.samples.labels

    def moments(self, extractor: str | None) -> Moments:
        return self.made_once(("moments", extractor), lambda: moments(self.features(extractor)))

    def nearest_in(self, train: "View", extractor: str | None) -> tuple[Tensor, Tensor]:
        """Distances to the two nearest training images, and their positions: [N, 2] each. Every call needs the same ``train``."""

        def find() -> tuple[Tensor, Tensor]:
            among = train.features(extractor)
            distances, positions = nearest(self.features(extractor), among if train.once is None else among[train.once], 2)
            return distances, positions if train.once is None else positions.new_tensor(train.once)[positions]

        return self.made_once(("nearest", extractor), find)

    def made_once(self, key: tuple[str, str | None], make: Callable[[], T]) -> T:
        if key not in self._found:
            self._found[key] = make()
        found: T = self._found[key]
        return found

    def _seen(self, extractor: str) -> Seen:
        return self.made_once(("seen", extractor), lambda: self._look(extractor))

    def _look(self, extractor: str) -> Seen:
        """Features from the cache if there is a key; computed, and put there, if they aren't in it."""
        network = self.extractors[extractor]
        path = cache_path("seen", (self.key, network.name, network.fingerprint, network.resize), ".npz")
        seen = load_seen(path) if self.key else None
        if seen is None:
            seen = network.see(self.samples.images)
            strange = np.flatnonzero(~np.isfinite(seen.features).all(axis=1))
            if len(strange):
                made = f"the features that {extractor} makes of {len(strange):,} of {len(self.samples):,} images are NaN or infinite"
                hint = "Check that network's weights, and the scale it expects."
                raise UserError(f"{self.samples.name}: {made}, first those of image {strange[0] + 1:,}. {hint}")
            if self.key:
                content = {name: values for name, values in vars(seen).items() if values is not None}
                keep_file(path, lambda partial: np.savez(partial, **content))
        return seen


def load_seen(path: Path) -> Seen | None:
    """Features in a file of the cache; None if it is missing or damaged in any way."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return Seen(kept["features"], kept.get("logits"))
    except Exception:
        return None


@dataclass(frozen=True)
class Reference:
    """The real images that all candidates are compared with.

    :param real: real images, as many as there are fakes
    :param train: the whole training split; None if there is none
    :param class_names: names of the labels; empty if unknown
    :param classifier: which of the two reference classifiers is used
    """

    real: View
    train: View | None = None
    class_names: tuple[str, ...] = ()
    classifier: str = "first"
