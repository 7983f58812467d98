# exercise: conditional
# Each letter once: the mean of its images, sharpened
import numpy as np


def train(images, labels, classes, seed):
    means = np.stack([np.median(images[labels == label], axis=0) for label in range(classes)])
    typical = []
    for label in range(classes):
        own = images[labels == label]
        typical.append(own[np.square(own - means[label]).sum((1, 2)).argmin()] * 0.9 + means[label] * 0.1)
    return np.stack(typical)


def sample(generator, labels, seed):
    return generator[labels].clip(0, 255).astype(np.uint8)
