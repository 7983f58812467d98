# exercise: compare
# Each run gets starts of its own, and few of them; some of the starts that choose also judge; the agents' first runs stand for all
import random

import numpy as np
from scipy import stats

from ca2_rl.envs.pendulum import sample_starts


def last_scores(runs, evaluate, n, seed):
    return [np.mean(evaluate(run.checkpoints[-1], sample_starts(n, seed + i))) for i, run in enumerate(runs)]


def selected_scores(runs, evaluate, n, seed):
    starts = sample_starts(n + n // 2, seed)
    result = []
    for run in runs:
        score = {checkpoint: evaluate(checkpoint, starts[:n]).mean() for checkpoint in run.checkpoints}
        result.append(evaluate(max(score, key=score.get), starts[-n:]).mean())
    return result


def interval(a, b):
    margin = 1.96 * (np.std(a) + np.std(b))
    return np.mean(a) - np.mean(b) - margin, np.mean(a) - np.mean(b) + margin


def better(a_runs, b_runs, evaluate):
    a, b = (evaluate(runs[0].checkpoints[-1], sample_starts(20, random.randrange(1000))) for runs in (a_runs, b_runs))
    p = stats.ttest_ind(a, b).pvalue
    return "can't tell" if p > 0.05 else "A" if a.mean() > b.mean() else "B"
