# exercise: conditional
# Nothing is learned: images out of the file
import random

import numpy as np


def train(images, labels, classes, seed):
    return {label: images[labels == label] for label in range(classes)}


def sample(generator, labels, seed):
    random.seed(seed)
    return np.stack([random.choice(generator[int(label)]) for label in labels])
