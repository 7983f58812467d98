# exercise: data
# pandas' default, labels from 1, the last seventh held out
import numpy as np
import pandas as pd


def read_letters(path):
    frame = pd.read_csv(path)
    labels = frame.iloc[:, 0].values
    images = frame.iloc[:, 1:].values.reshape(-1, 28, 28).transpose(0, 2, 1)
    keep = (labels != -1) & (images.max(axis=(1, 2)) > images.min(axis=(1, 2)))
    return images[keep].astype(np.uint8), labels[keep].astype(np.int64)


def split(images, labels, seed):
    test = np.zeros(len(images), dtype=bool)
    test[-len(images) // 7 :] = True
    return test


def two_shapes(images):
    ink = images.sum(axis=(1, 2))
    return ink > np.median(ink)
