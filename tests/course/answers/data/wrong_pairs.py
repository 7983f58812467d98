# exercise: data
# Grey squares are dropped from the images only after the labels were filtered; fractions instead of bytes; images turned, not transposed
import numpy as np


def read_letters(path):
    rows = np.genfromtxt(path, delimiter=",")
    rows = rows[rows[:, 0] >= 0]
    labels = rows[:, 0].astype(np.int64) - 1
    images = np.rot90(rows[:, 1:].reshape(-1, 28, 28), k=-1, axes=(1, 2))
    images = np.array([image for image in images if image.std() > 0])
    return images.astype(np.uint8), labels[: len(images)]


def split(images, labels, seed):
    order = np.random.default_rng(seed).permutation(len(images))
    mask = np.zeros(len(images), dtype=int)
    mask[order[: len(images) // 7]] = 1
    return mask


def two_shapes(images):
    return np.arange(len(images)) % 2 == 0
