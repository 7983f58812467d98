# exercise: torques
# A step of 4 / n never arrives at +2; the whole batch explores together; actions without their dimension
import numpy as np

LOW, HIGH = -2, 2


def torques(n):
    step = (HIGH - LOW) / n
    return np.array([LOW + k * step for k in range(n)], dtype=np.float32)


def best(q_values, rng):
    noise = rng.uniform(0, 1e-9, size=q_values.shape)
    return np.argmax(q_values + noise, axis=-1)


def explore(bins, n, epsilon, rng):
    if rng.random() < epsilon:
        return rng.integers(n, size=bins.shape)
    return bins


def actions(bins, n):
    return torques(n)[bins]
