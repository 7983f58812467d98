# exercise: data
import hashlib

import numpy as np
import pandas as pd


def read_letters(path):
    table = pd.read_csv(path, header=None)
    table = table[table[0] > 0]
    table = table[table.iloc[:, 1:].nunique(axis=1) > 1]
    images = [np.transpose(row.reshape(28, 28)) for row in table.iloc[:, 1:].to_numpy()]
    return np.array(images, dtype="uint8"), table[0].to_numpy(dtype="int64") - 1


def split(images, labels, seed):
    def number(image):
        return int(hashlib.md5(image.tobytes() + bytes([seed])).hexdigest(), 16) % 7

    return np.array([number(image) == 0 for image in images])


def two_shapes(images):
    """Along the first principal component."""
    x = images.reshape(len(images), -1).astype(float)
    x -= x.mean(0)
    direction = np.linalg.svd(x, full_matrices=False)[2][0]
    return x @ direction > 0
