"""Images as the extractors see them, looked at once each."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ca2_gan.cache import cache_path
from ca2_gan.files import whole_file
from ca2_gan.metrics.extractors import Extractor, Seen
from ca2_gan.metrics.frechet import Moments, moments
from ca2_gan.metrics.samples import Samples


@dataclass
class View:
    """Images with what extractors make of them.

    :param extractors: by short name: ``classifier``, and ``inception`` if it is asked for
    :param key: what the choice of images depends on, for real ones, whose moments are worth keeping; None keeps nothing
    """

    samples: Samples
    extractors: dict[str, Extractor]
    key: tuple[object, ...] | None = None
    _seen: dict[str, Seen] = field(default_factory=dict)
    _moments: dict[str, Moments] = field(default_factory=dict)

    def seen(self, extractor: str) -> Seen:
        if extractor not in self._seen:
            self._seen[extractor] = self.extractors[extractor].see(self.samples.images)
        return self._seen[extractor]

    def classes(self) -> NDArray[np.int64]:
        """Most likely class of each image in the classifier's eyes: [N]."""
        classes = self.seen("classifier").classes
        assert classes is not None
        return classes

    def moments(self, extractor: str) -> Moments:
        if extractor not in self._moments:
            self._moments[extractor] = self._kept(extractor) if self.key else moments(self.seen(extractor).features)
        return self._moments[extractor]

    def _kept(self, extractor: str) -> Moments:
        """Moments from the cache, made and put there if they aren't in it."""
        network = self.extractors[extractor]
        path = cache_path("moments", (self.key, network.name, network.fingerprint, network.resize), ".npz")
        try:
            with np.load(path, allow_pickle=False) as kept:
                return Moments(int(kept["n"]), kept["mean"], kept["covariance"])
        except Exception:  # noqa: S110  (not there or damaged, in whatever way: made again)
            pass
        made = moments(self.seen(extractor).features)
        with whole_file(path) as partial:
            np.savez(partial, n=made.n, mean=made.mean, covariance=made.covariance)
        return made
