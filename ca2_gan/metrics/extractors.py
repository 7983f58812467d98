"""Extractors, which turn images into features: frozen networks, made by name when they are first needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_gan.data import Dataset
from ca2_gan.registry import extractors


@dataclass(frozen=True)
class Seen:
    """What an extractor computes from images.

    :param features: float32 [N, d]
    :param logits: class logits, float32 [N, K]; None if the extractor does not classify the data
    """

    features: NDArray[np.float32]
    logits: NDArray[np.float32] | None = None

    @property
    def classes(self) -> NDArray[np.int64] | None:
        """Most likely class of each image, [N]; None if the extractor does not classify the data."""
        return None if self.logits is None else self.logits.argmax(axis=1)


@dataclass(frozen=True)
class Setup:
    """What an extractor can be made from.

    :param train: labelled images to train on, which are not compared; None if there are none
    :param classifier: which of the two reference classifiers, ``first`` or ``second``
    :param inception_weights: path of Inception's weights; None downloads them
    :param device: device of the networks
    """

    train: Dataset | None = None
    classifier: str = "first"
    inception_weights: Path | None = None
    device: str = "cpu"


class Module:
    """A frozen network as an extractor: float images [N, C, H, W] in [0, 1] -> features [N, d], or features and logits of classes [N, K].

    :param network: the network, which is put into evaluation mode
    :param name: description in reports, with source or recipe
    :param resize: description of how the network resizes images
    :ivar fingerprint: hash of the weights
    """

    def __init__(self, network: nn.Module, name: str, device: str = "cpu", resize: str = "none", batch_size: int = 256):
        self.network: Any = network.eval().requires_grad_(False).to(device)
        self.name, self.device, self.resize, self.batch_size = name, device, resize, batch_size
        self.fingerprint = weights_hash(network)

    @torch.inference_mode()
    def see(self, images: NDArray[np.uint8], batch_size: int | None = None) -> Seen:
        """:param images: [N, C, H, W]"""
        features, of_classes, end = np.empty((0, 0), dtype=np.float32), [], 0
        for batch in batches(images, batch_size or self.batch_size, self.name):
            try:
                found = self.network(batch.to(self.device))
            except Exception as error:  # a user's network may raise anything
                reason = " ".join(str(error).split())[:200]
                shape = list(batch.shape)
                raise UserError(f"extractor {self.name}: its network failed on images {shape}: {type(error).__name__}: {reason}") from error
            vectors, logits = found if isinstance(found, tuple) else (found, None)
            vectors = vectors.flatten(1).float().cpu().numpy()
            if len(vectors) != len(batch):
                raise UserError(f"{self.name}: {len(vectors)} feature vectors for {len(batch)} images; one for each is needed, [N, d].")
            if not end:  # written into place: small arrays between large batches would fragment the memory
                features = np.empty((len(images), vectors.shape[1]), dtype=np.float32)
            features[end : end + len(batch)] = vectors
            of_classes += [] if logits is None else [logits.float().cpu().numpy()]
            end += len(batch)
        return Seen(features, np.concatenate(of_classes) if of_classes else None)


class Extractors(dict[str, Module]):
    """Extractors by name in the registry, each made when it is first asked for."""

    def __init__(self, setup: Setup):
        super().__init__()
        self.setup = setup

    def __missing__(self, name: str) -> Module:
        made = extractors.get(name)(self.setup)
        if not isinstance(made, nn.Module | Module):
            what = f"the function that makes it returned {type(made).__name__}"
            raise UserError(f"extractor {name}: {what}; a torch.nn.Module is needed, images [N, C, H, W] -> features [N, d].")
        self[name] = Module(made, name, self.setup.device) if isinstance(made, nn.Module) else made
        return self[name]


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
            # A copy with the usual strides: NumPy doesn't define that of an axis of length 1, but it decides how convolutions round
            batch = torch.empty(images[i : i + batch_size].shape).copy_(torch.from_numpy(images[i : i + batch_size]))
            yield batch / 255
            progress.update(len(batch))
