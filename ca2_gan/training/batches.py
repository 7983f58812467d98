"""The images, noise and labels of each round, as functions of seed and position alone.

Nothing here has a random state, so a resumed run needs none, and sampling or evaluating in between does not change a training.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ca2_gan.data import Dataset

# Purposes of the random streams; the number is part of a stream's seed
WEIGHTS, ORDER, NOISE, LAYERS, LABELLED, LABELLED_ORDER = range(6)


def stream_seed(seed: int, stream: int, *position: int) -> int:
    """Seed of one of the streams above at a position, 63 bits."""
    return int(np.random.SeedSequence([seed, stream, *position]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def seed_layers(seed: int, device: torch.device) -> None:
    """Seeds layers and augmentations, as ``torch.manual_seed`` does, but without its half millisecond to look for GPUs."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


class Shuffled:
    """An endless sequence of shuffled passes over n items, which can be read at any position.

    :param n: number of items
    :param seed: of the order
    :param stream: random stream of the order
    """

    def __init__(self, n: int, seed: int, stream: int):
        self.n, self.seed, self.stream = n, seed, stream
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    def take(self, start: int, count: int) -> Tensor:
        """Items at the positions start, ..., start + count - 1 of the endless sequence, int64 [count]."""
        pieces = []
        while count:
            epoch, position = divmod(start, self.n)
            piece = self._pass(epoch)[position : position + count]
            pieces.append(piece)
            start, count = start + len(piece), count - len(piece)
        return torch.cat(pieces)

    def _pass(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            rng = torch.Generator().manual_seed(stream_seed(self.seed, self.stream, epoch))
            self._epoch, self._order = epoch, torch.randperm(self.n, generator=rng)
        return self._order


@dataclass(frozen=True)
class Share:
    """The part of each global batch that one process sees.

    :param rank: number of the process, from 0
    :param world: number of processes
    """

    rank: int = 0
    world: int = 1

    def of(self, whole: Tensor) -> Tensor:
        """[N, ...] -> [N / world, ...]"""
        size = len(whole) // self.world
        return whole[self.rank * size : (self.rank + 1) * size]


class Images:
    """The training images, uint8 on the device, drawn by position.

    :param data: the images with their labels
    :param batch_size: images in a batch, over all processes
    :param seed: of the order
    :param label_fraction: share of the images whose labels may be used
    :param share: which part of each batch is this process's
    :param device: where the images are kept
    """

    def __init__(self, data: Dataset, batch_size: int, seed: int, label_fraction: float, share: Share, device: torch.device):
        # Sets the stride of a single channel, which NumPy ignores but by which torch chooses the order in which convolutions sum
        images, labels = torch.from_numpy(data.images.reshape(-1)).view(data.images.shape), torch.from_numpy(data.labels)
        self.data, self.images, self.labels = data, images.to(device), labels.to(device)
        self.batch_size, self.share, self.device = batch_size, share, device
        self.order = Shuffled(len(images), seed, ORDER)
        self.labelled = None
        if label_fraction < 1:
            self.labelled = pick_labelled(labels, label_fraction, seed)
            self.labelled_order = Shuffled(len(self.labelled), seed, LABELLED_ORDER)

    @property
    def class_shares(self) -> Tensor:
        """Share of each class among the images whose labels may be used, [K]."""
        labels = self.labels if self.labelled is None else self.labels[self.labelled.to(self.device)]
        counts = torch.bincount(labels, minlength=self.data.num_classes)
        return counts / counts.sum()

    def draw(self, position: int) -> tuple[Tensor, Tensor, Tensor]:
        """The process's share of the batch that begins at a position.

        :return: labelled images [n, C, H, W] in [-1, 1], their labels [n], and images to use without labels
            [n, C, H, W], which are the same tensor as the first if all images are labelled
        """
        items = self.share.of(self.order.take(position, self.batch_size)).to(self.device)
        if self.labelled is None:
            real = self._as_floats(items)
            return real, self.labels[items], real
        known = self.labelled[self.share.of(self.labelled_order.take(position, self.batch_size))].to(self.device)
        return self._as_floats(known), self.labels[known], self._as_floats(items)

    def _as_floats(self, items: Tensor) -> Tensor:
        return self.images[items].float().div_(127.5).sub_(1)


def pick_labelled(labels: Tensor, fraction: float, seed: int) -> Tensor:
    """Positions of the images whose labels may be used, the same fraction of every class, at least one each: labels [N] -> int64 [M]."""
    rng = torch.Generator().manual_seed(stream_seed(seed, LABELLED))
    chosen = []
    for label in labels.unique():
        members = (labels == label).nonzero().squeeze(1)
        count = max(1, round(fraction * len(members)))
        chosen.append(members[torch.randperm(len(members), generator=rng)[:count]])
    return torch.cat(chosen)


def draw_noise(count: int, width: int, seed: int, step: int, turn: int) -> Tensor:
    """Noise of one turn for all processes, float32 [count, width], on the CPU: the same for every device and number of processes."""
    rng = torch.Generator().manual_seed(stream_seed(seed, NOISE, step, turn))
    return torch.randn(count, width, generator=rng)
