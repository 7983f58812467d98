# exercise: judge
# The matrix root as it comes, fakes against the training images, the floor of a set against itself
import numpy as np
from scipy.linalg import sqrtm


def frechet(x, y):
    mu1, mu2 = x.mean(0), y.mean(0)
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    return np.sum((mu1 - mu2) ** 2) + np.trace(s1 + s2 - 2 * sqrtm(s1 @ s2))


def judge(fake, train, test):
    return {"score": frechet(fake, train), "floor": frechet(test, test)}


def ranking(models, test):
    return sorted(models, key=lambda name: frechet(models[name], test))
