"""Images as the extractors see them, looked at once each."""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ca2_gan.cache import cache_path, keep
from ca2_gan.metrics.extractors import Extractor, Seen
from ca2_gan.metrics.frechet import Moments, moments
from ca2_gan.metrics.neighbours import nearest
from ca2_gan.metrics.samples import Samples


@dataclass
class View:
    """Images with what extractors make of them.

    :param extractors: by short name: ``classifier``, and ``inception`` if it is asked for
    :param key: what the choice of images depends on, for real ones, whose features are worth keeping; None keeps nothing
    """

    samples: Samples
    extractors: dict[str, Extractor]
    key: tuple[object, ...] | None = None
    _seen: dict[str, Seen] = field(default_factory=dict)
    _moments: dict[str, Moments] = field(default_factory=dict)
    _nearest: tuple[Tensor, Tensor] | None = None

    def seen(self, extractor: str) -> Seen:
        if extractor not in self._seen:
            self._seen[extractor] = self._kept(extractor) if self.key else self.extractors[extractor].see(self.samples.images)
        return self._seen[extractor]

    def classes(self) -> NDArray[np.int64]:
        """Most likely class of each image in the classifier's eyes: [N]."""
        classes = self.seen("classifier").classes
        assert classes is not None
        return classes

    def labels(self) -> NDArray[np.int64]:
        """What each image should be, or, where nobody said, what it looks like: [N]."""
        return self.classes() if self.samples.labels is None else self.samples.labels

    def moments(self, extractor: str) -> Moments:
        if extractor not in self._moments:
            self._moments[extractor] = moments(self.seen(extractor).features)
        return self._moments[extractor]

    def nearest_in(self, train: "View") -> tuple[Tensor, Tensor]:
        """Distances of the images to the two nearest training images, always the same ones, and these ones' positions: [N, 2] each."""
        if self._nearest is None:
            self._nearest = nearest(self.seen("classifier").features, train.seen("classifier").features, 2)
        return self._nearest

    def _kept(self, extractor: str) -> Seen:
        """From the cache, made and put there if it isn't in it."""
        network = self.extractors[extractor]
        path = cache_path("features", (self.key, network.name, network.fingerprint, network.resize), ".npz")
        try:
            with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as kept:
                return Seen(kept["features"], kept.get("classes"))
        except Exception:  # noqa: S110  (not there or damaged, in whatever way: made again)
            pass
        made = network.see(self.samples.images)
        content: dict[str, Any] = {"features": made.features} | ({} if made.classes is None else {"classes": made.classes})
        np.savez(file := BytesIO(), **content)
        keep(path, file.getvalue())
        return made


@dataclass(frozen=True)
class Reference:
    """The real images that all candidates are compared with.

    :param real: held-out images, as many as there are fakes
    :param train: the whole training split, no image twice
    """

    real: View
    train: View
    num_classes: int
