# exercise: torques
# float64, the lowest Q-value as if it were a cost, random bins that leave out the greedy one
from numpy import array, linspace, where


def torques(n):
    return linspace(-2, 2, num=n)


def best(q_values, rng):
    return array([int(abs(row).argmax()) for row in q_values])


def explore(bins, n, epsilon, rng):
    other = (bins + rng.integers(1, n, size=len(bins))) % n
    return where(rng.random(len(bins)) < epsilon, other, bins)


def actions(bins, n):
    return torques(n)[bins, None]
