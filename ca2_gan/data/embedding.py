"""Embeds images as points of a plane by t-SNE."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA  # type: ignore[import-untyped]
from sklearn.manifold import TSNE  # type: ignore[import-untyped]
from sklearn.neighbors import NearestNeighbors  # type: ignore[import-untyped]

from ca2_gan.data.dataset import Dataset

COMPONENTS = 50
PERPLEXITY = 30.0


@dataclass(frozen=True)
class Embedding:
    """Images as points of a plane.

    :param points: float32 [n, 2]
    :param labels: int64 [n]
    :param neighbours: share of the points whose nearest neighbour in the plane is of their own class
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    neighbours: float


def embed(dataset: Dataset, most: int, seed: int = 0) -> Embedding:
    """t-SNE (van der Maaten & Hinton 2008) of a random choice of images, on their first 50 principal components.

    :param most: largest number of images, at least 50
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:most])
    pixels = dataset.images[chosen].reshape(len(chosen), -1).astype(np.float32) / 255
    components = PCA(min(COMPONENTS, *pixels.shape), random_state=seed).fit_transform(pixels)
    perplexity = min(PERPLEXITY, (len(chosen) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(components)
    labels = dataset.labels[chosen]
    nearest = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(points, return_distance=False)[:, 1]
    return Embedding(points, labels, float((labels[nearest] == labels).mean()))
