# %% [markdown]
# # 4. Which agent is better?
#
# Two agents were trained, with ten seeds each. There are curves of returns and losses, and
# checkpoints that can be evaluated. Who is better, and can it be told at all?
#
# - **You learn** why all are evaluated from the same starts, why seeds count and episodes do not,
#   how a checkpoint may be selected, and when to say "can't tell".
# - **Time** 60 minutes. **You need** NumPy, SciPy if you like.
# - **Check** with `ca2-rl check 04_compare.py`.
#
# Complete what raises `NotImplementedError`. Names and arguments of the functions have to stay.

# %%
# exercise: compare
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from ca2_rl.course.trainings import simulate
from ca2_rl.envs.pendulum import sample_starts

# %% [markdown]
# ## What there is
#
# The trainings are simulated, so that nobody has to wait, and so that somebody knows the truth.
# `agents.a` and `agents.b` are lists of runs: `run.checkpoints` are the names of its saved models,
# from the first to the last; `run.training_returns` and `run.losses` are what its log says.
# `agents.evaluate(checkpoint, starts)` plays one episode without exploration from each start, [N,
# 2] -> [N].
#
# Look at the curves. Whom do you bet on?

# %%
if __name__ == "__main__":
    agents = simulate(seed=0, gap=20, flattery=80)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    for name, runs in {"A": agents.a, "B": agents.b}.items():
        axes[0].plot(np.mean([run.training_returns for run in runs], axis=0), label=name)
        axes[1].plot(np.mean([run.losses for run in runs], axis=0), label=name)
    axes[0].set_title("return of training episodes")
    axes[1].set_title("loss")
    axes[1].legend()
    plt.show()

# %% [markdown]
# ## The last models
#
# `sample_starts(n, seed)` draws starts of the pendulum: [n, 2]. The return differs by 100 (standard
# deviation) from start to start, for one and the same agent.


# %%
def last_scores(runs, evaluate, n, seed):
    """Mean return of each run's last checkpoint over n starts, which are the same for all runs.

    :param runs: R runs
    :param evaluate: name of a checkpoint, starts [n, 2] -> returns [n]
    :param n: number of starts
    :param seed: of the starts; the same seed gives the same starts again
    :return: [R]
    """
    starts = sample_starts(n, seed)
    return np.array([evaluate(run.checkpoints[-1], starts).mean() for run in runs])


# %% [markdown]
# ## Selected models
#
# DQN forgets: the last checkpoint may be worse than one before. One may select the best checkpoint
# of each run, but not report the number that selected it.


# %%
def selected_scores(runs, evaluate, n, seed):
    """Mean return of the checkpoint of each run that has the highest mean return over n starts, over n *other* starts.

    The parameters and the result are those of ``last_scores``.
    """
    both = sample_starts(2 * n, seed)
    choosing, judging = both[:n], both[n:]
    scores = []
    for run in runs:
        means = [evaluate(checkpoint, choosing).mean() for checkpoint in run.checkpoints]
        scores.append(evaluate(run.checkpoints[np.argmax(means)], judging).mean())
    return np.array(scores)


# %%
if __name__ == "__main__":
    forgetful = simulate(seed=1, last="bad")
    for name, score in {"last": last_scores, "selected": selected_scores}.items():
        print(f"{name}: {np.mean(score(forgetful.a, forgetful.evaluate, 300, 0)):.1f}")

# %% [markdown]
# ## How sure is it?
#
# What would come out with ten other seeds? The unit is the seed: 300 episodes of one model are not
# 300 trainings. Use the standard error of the difference and the t-distribution (Welch), or a
# bootstrap that draws seeds.


# %%
def interval(a, b):
    """95 % interval of the difference of the agents' mean scores, that of a minus that of b.

    :param a: a score for each seed of agent A, [R]
    :param b: the same of agent B, [R'], R' may be another number
    :return: lower end, upper end
    """
    found = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return found.low, found.high


# %% [markdown]
# ## The verdict


# %%
def better(a_runs, b_runs, evaluate):
    """Which agent's last models are better.

    :return: "A", "B", or "can't tell" if the 95 % interval of the difference has 0 in it
    """
    low, high = interval(*(last_scores(runs, evaluate, 300, seed=0) for runs in (a_runs, b_runs)))
    return "A" if low > 0 else "B" if high < 0 else "can't tell"


# %%
if __name__ == "__main__":
    print("who is better?", better(agents.a, agents.b, agents.evaluate))
    equal = [simulate(seed) for seed in range(10, 30)]
    print("and if both are the same:", [better(each.a, each.b, each.evaluate) for each in equal])

# %% [markdown]
# ## Answers
#
# 1. Far too narrow. The episodes of one model share its luck with the seed, which more episodes do
#    not average out: the interval would shrink to 0 around the mean of these ten seeds, and miss
#    the agent's.
# 2. Of nothing that anybody gets: neither a typical seed, nor the best of five.
# 3. The last one says what the algorithm does when it is left alone. The selected one is what one
#    would use, if evaluations are to be had where it is used; they are part of its cost. Best is to
#    report both, and say so.
