# %% [markdown]
# # 4. Which agent is better?
#
# Two agents were trained, with ten seeds each. You have their curves of returns and losses, and
# checkpoints that you can evaluate. Which agent is better, and do the data say so?
#
# - **You learn** why all agents are evaluated from the same initial states, why the number of seeds
#   counts more than that of episodes, how to select a checkpoint, and when to say "can't tell".
# - **Time** 60 minutes. **You need** NumPy, SciPy if you like.
# - **Check** with `ca2-rl check 04_compare.py`.
#
# Replace each `raise NotImplementedError` by your code. Keep the names and arguments of the
# functions: the checks call them.

# %%
# exercise: compare
import matplotlib.pyplot as plt
import numpy as np

from ca2_rl.course.trainings import simulate
from ca2_rl.envs.pendulum import sample_starts

# %% [markdown]
# ## What there is
#
# The trainings are simulated: you need not wait, and the truth is known. `agents.a` and `agents.b`
# are lists of runs: `run.checkpoints` are the names of its saved models, from the first to the
# last; `run.training_returns` and `run.losses` are what its log says. `agents.evaluate(checkpoint,
# starts)` plays one episode without exploration from each initial state, and returns their returns.
# Give it all initial states at once.
#
# Look at the curves. Which agent do you expect to be better?

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
# `sample_starts(n, seed)` draws initial states of the pendulum: [n, 2]. The returns of one agent
# have a standard deviation of about 90 over them.


# %%
def last_scores(runs, evaluate, n, seed):
    """Mean return of each run's last checkpoint over n starts, which are the same for all runs.

    :param runs: R runs
    :param evaluate: name of a checkpoint, starts [n, 2] -> returns [n]
    :param n: number of starts
    :param seed: of the starts; the same seed gives the same starts again
    :return: [R]
    """
    raise NotImplementedError


# %% [markdown]
# ## Selected models
#
# DQN forgets: the last checkpoint may be worse than an earlier one. You may select the best
# checkpoint of each run, but you may not report the number by which you selected it.


# %%
def selected_scores(runs, evaluate, n, seed):
    """Mean return of the checkpoint of each run that has the highest mean return over n starts, over n *other* starts.

    The parameters and the result are those of ``last_scores``.
    """
    raise NotImplementedError


# %%
if __name__ == "__main__":
    forgetful = simulate(seed=1, last="bad")
    for name, score in {"last": last_scores, "selected": selected_scores}.items():
        print(f"{name}: {np.mean(score(forgetful.a, forgetful.evaluate, 300, 0)):.1f}")

# %% [markdown]
# ## How sure is it?
#
# What would be the result of ten other seeds? Only other seeds tell: 300 episodes of one model are
# not 300 trainings. Use the standard error of the difference and the t-distribution (Welch), or a
# bootstrap that resamples seeds.


# %%
def interval(a, b):
    """95 % interval of the difference of the agents' mean scores, that of a minus that of b.

    :param a: a score for each seed of agent A, [R]
    :param b: the same of agent B, [R'], R' may be another number
    :return: lower end, upper end
    """
    raise NotImplementedError


# %% [markdown]
# ## The verdict


# %%
def better(a_runs, b_runs, evaluate):
    """Which agent's last models are better.

    :return: "A", "B", or "can't tell" if the 95 % interval of the difference has 0 in it
    """
    raise NotImplementedError


# %%
if __name__ == "__main__":
    print("who is better?", better(agents.a, agents.b, agents.evaluate))
    equal = [simulate(seed) for seed in range(10, 30)]
    print("and if both are the same:", [better(each.a, each.b, each.evaluate) for each in equal])

# %% [markdown]
# ## Questions
#
# 1. Each agent has ten seeds, and each model 300 episodes. What is wrong with an interval that
#    takes the 3,000 episodes of an agent for independent?
# 2. Somebody trains with 20 seeds and reports the mean of the best five. What does that number
#    estimate?
# 3. When should one report the selected model, and when the last one?
