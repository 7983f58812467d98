"""A classifier that trains in a second, to see whether images depend on their labels at all."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, one_hot, pad

from ca2_gan.data import Dataset

SIDE = 16  # side in pixels to which larger images are averaged
LEARNED, TESTED = 4_000, 1_000  # images, at most
PENALTY = 1e-2  # L2 penalty on the weights, per image


class LinearClassifier:
    """Ridge regression of the classes on the pixels.

    :param data: at most 5,000 images are used, 4 of 5 for training, the others for ``real_accuracy``
    """

    def __init__(self, data: Dataset):
        self.num_classes = data.num_classes
        chosen = np.random.default_rng(0).permutation(len(data.images))[: LEARNED + TESTED]
        images, labels = torch.from_numpy(data.images[chosen]), torch.from_numpy(data.labels[chosen])
        count = max(len(chosen) * LEARNED // (LEARNED + TESTED), 1)
        x, targets = _pixels(images[:count]), one_hot(labels[:count], self.num_classes).double()
        self.weights = torch.linalg.solve(x.T @ x + PENALTY * count * torch.eye(x.shape[1], dtype=x.dtype), x.T @ targets)
        self.real_accuracy = self.accuracy(images[count:], labels[count:]) if count < len(chosen) else 0.0

    def accuracy(self, images: Tensor, labels: Tensor) -> float:
        """Share of the images, uint8 [N, C, H, W], whose labels [N] it predicts."""
        return float(((_pixels(images) @ self.weights).argmax(dim=1) == labels).double().mean())


def _pixels(images: Tensor) -> Tensor:
    """uint8 [N, C, H, W] -> float64 [N, d + 1], the last column for the constant."""
    height, width = (min(side, SIDE) for side in images.shape[2:])
    return pad(adaptive_avg_pool2d(images.double() / 255, (height, width)).flatten(1), (0, 1), value=1.0)
