# exercise: compare
# Selected and reported by the same episodes; one standard error; no interval in the verdict
import numpy as np

from ca2_rl.envs.pendulum import sample_starts


def last_scores(runs, evaluate, n, seed):
    starts = sample_starts(n, seed)
    scores = []
    for run in runs:
        returns = [evaluate(checkpoint, starts).mean() for checkpoint in run.checkpoints]
        scores.append(max(returns))
    return scores


def selected_scores(runs, evaluate, n, seed):
    return last_scores(runs, evaluate, n, seed)


def interval(a, b):
    error = np.sqrt(np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b))
    return np.mean(a) - np.mean(b) - error, np.mean(a) - np.mean(b) + error


def better(a_runs, b_runs, evaluate):
    mean = lambda runs: np.mean(last_scores(runs, evaluate, 200, 0))  # noqa: E731
    return "A" if mean(a_runs) > mean(b_runs) else "B"
