# %% [markdown]
# # 3. An agent
#
# Write a DQN that swings the pendulum up and keeps it there. Its training takes 8,000 steps, some
# ten seconds of one core.
#
# - **You learn** what each part of DQN is for, and to measure an agent by its regret: the best
#   possible return minus the agent's, from the same initial state.
# - **Time** 90 minutes. **You need** exercises 1 and 2, and PyTorch.
# - **Check** with `ca2-rl check 03_agent.py`, which takes about 20 seconds. The mean regret of two
#   trainings has to be below 25. Doing nothing has a regret of about 1,100, a good solution one of
#   about 10.
#
# Replace each `raise NotImplementedError` by your code. You may change networks and constants. Keep
# names, arguments and what a batch is made of: the checks use them.

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
# There is nothing to complete here.


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
# At first the agent knows nothing, so its actions should be random. Later, most of them should be
# its own choice.


# %%
def epsilon(progress):
    """Probability of a random torque.

    :param progress: share of the training that is over, from 0 to 1
    :return: 1 at first, at most 0.1 at the end, never rising
    """
    return max(0.05, 1 - 0.95 * progress / 0.3)


# %% [markdown]
# ## Learning
#
# `update` makes one gradient step on a batch. The targets come from the target network, which
# follows the online network slowly: either a little in each update (`target += tau * (online -
# target)`, tau 0.01 or 0.02), or by a copy every few hundred updates. If it never follows, the
# agent plans one step ahead only. If it is copied at each update, the targets change with every
# gradient step, and learning often diverges.


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
        observations, bins, rewards, next_observations, terminated = batch
        with torch.no_grad():
            values = self.target(next_observations).max(dim=1).values
            targets = rewards + GAMMA * (1 - terminated) * values
        q_values = self.online(observations).gather(1, bins[:, None])[:, 0]
        loss = nn.functional.smooth_l1_loss(q_values, targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            for mine, learned in zip(self.target.parameters(), self.online.parameters(), strict=True):
                mine.lerp_(learned, 0.02)
        return loss.item()


# %% [markdown]
# ## Training
#
# In each step, act, keep the transition, and, after the first `LEARNING_STARTS` steps, call
# `update` once.
#
# - The environment ends its episodes by a time limit only. Which flag belongs in the replay?
# - The return of a training episode depends on its initial state and on its random torques as much
#   as on the agent. Return the agent of the last step, not that of the luckiest episode.


# %%
def train(env, steps, seed):
    """Trains an agent.

    :param env: of Gymnasium, with the spaces of Pendulum-v1
    :param steps: of the environment
    :param seed: of everything: the first reset, the networks, the random numbers
    :return: the ``DQN`` after the last step
    """
    rng = np.random.default_rng(seed)
    agent, replay = DQN(seed), Replay(steps)
    observation, _ = env.reset(seed=seed)
    for step in range(steps):
        bin = agent.best(observation[None])[0]
        if rng.random() < epsilon(step / steps):
            bin = rng.integers(len(TORQUES))
        next_observation, reward, terminated, truncated, _ = env.step(TORQUES[[bin]])
        replay.add(observation, bin, reward, next_observation, terminated)  # not truncated: the time limit is no end
        observation = env.reset()[0] if terminated or truncated else next_observation
        if step >= LEARNING_STARTS:
            agent.update(replay.sample(BATCH_SIZE, rng))
    return agent


# %% [markdown]
# ## How good is it?
#
# Training episodes have 25 steps, so that the agent sees eight times as many initial states. It is
# evaluated in whole episodes of 200 steps, from the same initial states as the optimum.

# %%
if __name__ == "__main__":
    agent = train(gym.make("Pendulum-v1", max_episode_steps=25), steps=8000, seed=0)
    starts = sample_starts(200, seed=0)
    regrets = PendulumOptimum(grid=(300, 301)).returns(starts) - returns(agent, starts)
    print(f"regret {regrets.mean():.1f}, of the worst start {regrets.max():.1f}")

# %% [markdown]
# ## Answers
#
# 1. Ours are between 8 and 15, with a standard deviation of 1.6. The 95 % interval of a difference
#    of 1 leaves out 0 from about 8 * 1.6^2 = 20 seeds each on.
# 2. Of our six, two had regrets of 9 and 13, and four were worse than doing nothing. Random torques
#    seldom lead to the states that the agent wants to reach, so that values there that are too high
#    are never corrected. With its own actions it gets there, and learns.
# 3. The Q-values start near 0 and grow to some hundreds in absolute value, and the errors grow with
#    them. A loss is relative to its targets, which change: it does not say how good the policy is.
