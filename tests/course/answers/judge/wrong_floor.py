# exercise: judge
# Cholesky's factors, which not every covariance has; the floor of one half of the training images against the other; a root at the end
import numpy as np


def gaussian(x):
    return x.mean(axis=0), np.cov(x, rowvar=False)


def frechet(x, y):
    (m, c), (n, d) = gaussian(x), gaussian(y)
    factor = np.linalg.cholesky(c)
    eigenvalues = np.linalg.eigvalsh(factor.T @ d @ factor)
    return np.sqrt(((m - n) ** 2).sum() + np.trace(c) + np.trace(d) - 2 * np.sqrt(abs(eigenvalues)).sum())


def judge(fake, train, test):
    n = min(len(fake), len(train), len(test))
    return {"score": frechet(fake[:n], test) ** 2, "floor": frechet(train[::2], train[1::2]) ** 2}


def ranking(models, test):
    scores = [(frechet(features[: len(test)], test), name) for name, features in models.items()]
    return [name for _, name in sorted(scores)]
