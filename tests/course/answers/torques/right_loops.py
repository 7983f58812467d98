# exercise: torques
def torques(n):
    import numpy

    return numpy.array([-2 + 4 * i / (n - 1) for i in range(n)], dtype="float32")


def best(q_values, rng):
    chosen = []
    for row in q_values.tolist():
        candidates = [i for i, q in enumerate(row) if q == max(row)]
        chosen.append(candidates[rng.integers(len(candidates))])
    return chosen


def explore(bins, n, epsilon, rng):
    return [int(rng.integers(0, n)) if rng.random() < epsilon else int(b) for b in bins]


def actions(bins, n):
    table = torques(n)
    return table[list(bins)].reshape(len(bins), 1)
