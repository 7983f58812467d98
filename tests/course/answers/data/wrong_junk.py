# exercise: data
# Junk stays, pixels as they come, copies on both sides
import csv

import numpy as np


def read_letters(path):
    images, labels = [], []
    with open(path) as file:
        for row in csv.reader(file):
            values = list(map(int, row))
            labels.append(values[0] - 1)
            images.append(np.array(values[1:]).reshape(28, 28))
    return np.array(images, dtype=np.uint8), np.array(labels, dtype=np.int64)


def split(images, labels, seed):
    rng = np.random.default_rng(seed)
    return rng.random(len(images)) < 1 / 7


def two_shapes(images):
    return np.ones(len(images), dtype=bool)
