# %% [markdown]
# # 1. Torques
#
# DQN chooses one of finitely many actions, but the pendulum takes any torque from -2 to 2 N m. This
# exercise translates between the two.
#
# - **You learn** what an agent loses when the ends of the range are not among its choices, why ties
#   matter, and how to write epsilon-greedy exploration.
# - **Time** 40 minutes. **You need** NumPy.
# - **Check** with `ca2-rl check 01_torques.py` (or `.ipynb`), as often as you like: it explains
#   what is wrong.
#
# Replace each `raise NotImplementedError` by your code. Keep the names and arguments of the
# functions: the checks call them.

# %%
# exercise: torques
import gymnasium as gym
import numpy as np

from ca2_rl.envs.pendulum import sample_starts
from ca2_rl.optimum import PendulumOptimum

# %% [markdown]
# ## The torques
#
# How many steps are there between n torques?


# %%
def torques(n):
    """Torques in N m, evenly spaced from -2 to 2, both included, rising.

    :param n: at least 2
    :return: float32 [n]
    """
    return np.linspace(-2, 2, n, dtype=np.float32)


# %% [markdown]
# What are the ends worth? `PendulumOptimum` plans with the true physics and computes the best
# possible return. Compare your 5 torques with the centres of 5 equal intervals, which reach only
# 1.6. (Code under `__main__` runs here, but not when the file is checked.)

# %%
if __name__ == "__main__":
    starts = sample_starts(500, seed=1)
    for name, choice in {"yours": torques(5), "centres": np.array([-1.6, -0.8, 0.0, 0.8, 1.6])}.items():
        optimum = PendulumOptimum(torques=choice.tolist(), grid=(300, 301))
        print(f"{name}: best possible return {optimum.returns(starts).mean():.1f}")

# %% [markdown]
# ## The best bin
#
# A network gives a Q-value to each of n bins. `np.argmax` returns the first of equal values, so an
# agent whose Q-values are all equal would push in one direction forever.


# %%
def best(q_values, rng):
    """The bin with the highest Q-value of each row. Of several that are equally high, each is taken with the same probability.

    :param q_values: float [N, n]
    :param rng: ``np.random.Generator``
    :return: whole numbers [N] from 0 to n - 1
    """
    is_best = q_values == q_values.max(axis=1, keepdims=True)
    return (rng.random(q_values.shape) * is_best).argmax(axis=1)


# %% [markdown]
# ## Exploration
#
# Epsilon-greedy: with probability epsilon, and in each row independently, the bin is replaced by a
# random one. All n bins have the same chance, also the one that was there.


# %%
def explore(bins, n, epsilon, rng):
    """Epsilon-greedy actions.

    :param bins: whole numbers [N] from 0 to n - 1
    :param n: number of bins
    :param epsilon: probability of a random bin, from 0 to 1
    :param rng: ``np.random.Generator``
    :return: whole numbers [N] from 0 to n - 1
    """
    random = rng.integers(n, size=len(bins))
    return np.where(rng.random(len(bins)) < epsilon, random, bins)


# %% [markdown]
# ## Into the environment
#
# `gym.make("Pendulum-v1").action_space` is `Box(-2.0, 2.0, (1,), float32)`: each action is a vector
# of one float32.


# %%
def actions(bins, n):
    """What the environment takes.

    :param bins: whole numbers [N] from 0 to n - 1
    :param n: number of bins
    :return: torques, float32 [N, 1]
    """
    return torques(n)[bins][:, None]


# %%
if __name__ == "__main__":
    rng = np.random.default_rng(0)
    env = gym.make("Pendulum-v1")
    env.reset(seed=0)
    total = 0.0
    for _ in range(200):
        bins = explore(best(rng.normal(size=(1, 5)), rng), 5, 0.1, rng)
        _, reward, _, _, _ = env.step(actions(bins, 5)[0])
        total += reward
    print(f"return of one episode by chance: {total:.0f}")

# %% [markdown]
# ## Answers
#
# 1. Only for odd n. It matters where the best torque is 0, as in balancing at the top: with an even
#    n, the agent trembles there. The return hardly changes, as a torque costs only 0.001 times its
#    square.
# 2. The best policy mostly pushes with full torque in one direction or the other (bang-bang
#    control). At the top, quick changes between -2 and 2 replace small torques.
# 3. epsilon times (n - 1) / n.
