# exercise: compare
import numpy

from ca2_rl.envs.pendulum import sample_starts


def mean_return(checkpoint, evaluate, starts):
    return float(numpy.mean(evaluate(checkpoint, starts)))


def last_scores(runs, evaluate, n, seed):
    return [mean_return(run.checkpoints[-1], evaluate, sample_starts(n, seed)) for run in runs]


def selected_scores(runs, evaluate, n, seed):
    validation, test = sample_starts(n, seed), sample_starts(n, seed + 10_000)

    def chosen(run):
        return max(run.checkpoints, key=lambda checkpoint: mean_return(checkpoint, evaluate, validation))

    return [mean_return(chosen(run), evaluate, test) for run in runs]


def interval(a, b):
    rng = numpy.random.default_rng(0)
    a, b = numpy.asarray(a), numpy.asarray(b)
    differences = rng.choice(a, (2000, len(a))).mean(axis=1) - rng.choice(b, (2000, len(b))).mean(axis=1)
    return tuple(numpy.percentile(differences, [2.5, 97.5]))


def better(a_runs, b_runs, evaluate):
    ends = interval(last_scores(a_runs, evaluate, 500, 3), last_scores(b_runs, evaluate, 500, 3))
    if min(ends) <= 0 <= max(ends):
        return "can't tell"
    return "A" if ends[0] > 0 else "B"
