"""What turns images into features: a frozen network with a name, a hash and a resize rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm


@dataclass(frozen=True)
class Seen:
    """Images as an extractor sees them.

    :param features: float32 [N, d]
    :param classes: most likely class of each, int64 [N]; None if the extractor knows no classes of the data
    """

    features: NDArray[np.float32]
    classes: NDArray[np.int64] | None


class Extractor(Protocol):
    """A frozen network.

    :param name: what it is, with its source or recipe
    :param fingerprint: hash of its weights
    :param resize: what it does to images of another size
    :param dimensions: of the features
    """

    name: str
    fingerprint: str
    resize: str
    dimensions: int

    def see(self, images: NDArray[np.uint8], batch_size: int | None = None) -> Seen:
        """:param images: [N, C, H, W]"""
        ...


def weights_hash(module: nn.Module) -> str:
    """A hash of a network's weights, 16 hex digits."""
    content = blake2b(digest_size=8)
    for name, value in sorted(module.state_dict().items()):
        content.update(name.encode())
        content.update(value.detach().cpu().contiguous().numpy().tobytes())
    return content.hexdigest()


def batches(images: NDArray[np.uint8], batch_size: int, description: str) -> Iterator[Tensor]:
    """Batches in [0, 1], float32 [batch_size, C, H, W], with a progress bar."""
    with tqdm(total=len(images), desc=description, unit="image", leave=False, disable=None, delay=2) as progress:
        for i in range(0, len(images), batch_size):
            batch = images[i : i + batch_size]
            yield torch.from_numpy(np.ascontiguousarray(batch)).float() / 255
            progress.update(len(batch))
