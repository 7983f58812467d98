# exercise: judge
# All vectors that there are, whatever their number; only the diagonals of the covariances; the best last
import numpy as np


def frechet(x, y):
    a, b = x.std(axis=0), y.std(axis=0)
    return float(((x.mean(axis=0) - y.mean(axis=0)) ** 2 + (a - b) ** 2).sum())


def judge(fake, train, test):
    def full(x, y):
        c, d = np.cov(x.T), np.cov(y.T)
        w = np.linalg.eigvals(c @ d).real.clip(0)
        return float(np.square(x.mean(0) - y.mean(0)).sum() + c.trace() + d.trace() - 2 * np.sqrt(w).sum())

    return {"score": full(fake, test), "floor": full(train, test)}


def ranking(models, test):
    return sorted(models, key=lambda name: frechet(models[name], test), reverse=True)
