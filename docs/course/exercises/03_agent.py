# %% [markdown]
# # 3. An agent
#
# A DQN that swings up the pendulum and keeps it there, in 8,000 steps and some ten seconds of one
# core.
#
# - **You learn** what each part of DQN is for, and to measure an agent by its regret: the best
#   possible return minus the agent's, from the same start.
# - **Time** 90 minutes. **You need** the exercises 1 and 2, and PyTorch.
# - **Check** with `ca2-rl check 03_agent.py`, half a minute. The mean regret of two trainings has
#   to be below 25. Doing nothing has a regret of about 1,100, a good solution one of 10.
#
# Complete what raises `NotImplementedError`. Networks and constants may be changed; names,
# arguments and what a batch is made of have to stay.

# %%
# exercise: agent
import copy

import gymnasium as gym
import numpy as np
import torch
from torch import nn

from ca2_rl.envs.pendulum import sample_starts
from ca2_rl.optimum import PendulumOptimum, returns

TORQUES = np.linspace(-2, 2, 3, dtype=np.float32)  # three do as well as more
GAMMA = 0.98
BATCH_SIZE = 128
LEARNING_RATE = 2e-3
LEARNING_STARTS = 500  # steps before the first gradient step

# %% [markdown]
# ## Replay
#
# Nothing to complete here. Rewards of the pendulum are between -16.3 and 0.


# %%
class Replay:
    """The transitions of a training.

    :param size: most transitions
    """

    def __init__(self, size):
        self.observations = np.zeros((size, 3), dtype=np.float32)
        self.bins = np.zeros(size, dtype=np.int64)
        self.rewards = np.zeros(size, dtype=np.float32)
        self.next_observations = np.zeros((size, 3), dtype=np.float32)
        self.terminated = np.zeros(size, dtype=np.float32)
        self.n = 0

    def add(self, observation, bin, reward, next_observation, terminated):
        """Keeps a transition."""
        self.observations[self.n], self.bins[self.n], self.rewards[self.n] = observation, bin, reward
        self.next_observations[self.n], self.terminated[self.n] = next_observation, terminated
        self.n += 1

    def sample(self, n, rng):
        """A batch: observations [n, 3], bins int64 [n], rewards [n], next observations [n, 3], terminated [n] (0 or 1), as tensors."""
        chosen = rng.integers(self.n, size=n)
        columns = (self.observations, self.bins, self.rewards, self.next_observations, self.terminated)
        return tuple(torch.from_numpy(column[chosen]) for column in columns)


# %% [markdown]
# ## Exploration
#
# At first nothing is known, so everything is tried. Later, most of what is seen should be what the
# agent does.


# %%
def epsilon(progress):
    """Probability of a random torque.

    :param progress: share of the training that is over, from 0 to 1
    :return: 1 at first, at most 0.1 at the end, never rising
    """
    raise NotImplementedError


# %% [markdown]
# ## Learning
#
# `update` makes one gradient step on a batch. The targets come from the target network, which
# follows the online network slowly: either a little in each update (`target += tau * (online -
# target)`, tau 0.01 or 0.02), or by a copy every few hundred updates. A target network that never
# follows learns one step ahead only; one that is copied at each update chases itself.


# %%
class DQN:
    """Two networks, observations [N, 3] -> Q-values [N, number of torques], and the optimizer of the first.

    :param seed: of the first weights
    """

    def __init__(self, seed):
        torch.manual_seed(seed)
        layers = nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, len(TORQUES))
        self.online = nn.Sequential(*layers)
        self.target = copy.deepcopy(self.online)
        self.optimizer = torch.optim.Adam(self.online.parameters(), lr=LEARNING_RATE)

    def best(self, observations):
        """Bins with the highest Q-values: float32 [N, 3] -> int64 [N]."""
        with torch.no_grad():
            return self.online(torch.as_tensor(observations)).argmax(dim=1).numpy()

    def predict(self, observations, deterministic=True):
        """Torques, float32 [N, 1], and None, as the models of Stable-Baselines3 return them."""
        return TORQUES[self.best(observations)][:, None], None

    def update(self, batch):
        """Makes one gradient step on a batch of ``Replay.sample``, and lets the target network follow.

        :return: the loss, a float
        """
        raise NotImplementedError


# %% [markdown]
# ## Training
#
# Play, keep, learn. After each step one `update`, once `LEARNING_STARTS` steps are kept.
#
# - The environment ends its episodes by a time limit only. Which flag belongs into the replay?
# - The return of a training episode says as much about its start, and about the random torques in
#   it, as about the agent. Return the agent of the last step, not that of the luckiest episode.


# %%
def train(env, steps, seed):
    """Trains an agent.

    :param env: of Gymnasium, with the spaces of Pendulum-v1
    :param steps: of the environment
    :param seed: of everything: the first reset, the networks, the random numbers
    :return: the ``DQN`` after the last step
    """
    raise NotImplementedError


# %% [markdown]
# ## How good is it?
#
# Training episodes have 25 steps, to see eight times as many starts; the agent is judged by whole
# episodes of 200 steps, from the same starts as the optimum.

# %%
if __name__ == "__main__":
    agent = train(gym.make("Pendulum-v1", max_episode_steps=25), steps=8000, seed=0)
    starts = sample_starts(200, seed=0)
    regrets = PendulumOptimum(grid=(300, 301)).returns(starts) - returns(agent, starts)
    print(f"regret {regrets.mean():.1f}, of the worst start {regrets.max():.1f}")

# %% [markdown]
# ## Questions
#
# 1. Train with seeds 0 to 4. How much do the regrets differ? How many seeds would you need to tell
#    two settings apart whose regrets are 9 and 10?
# 2. Let epsilon stay at 1, and train six agents. Q-learning is off-policy: it may learn from any
#    actions. Why do most of the six fail?
# 3. The loss *rises* in the first third of a good training. Why?
