# %% [markdown]
# # 2. Targets
#
# DQN learns from the difference between its Q-value and a target, r + gamma max Q of the next
# state. Many mistakes in DQN are in this line, and most of them raise no error.
#
# - **You learn** what an episode's end and a time limit do to a target, why targets are constants,
#   what double Q-learning changes, and how a wrong shape hides in a loss.
# - **Time** 60 minutes. **You need** PyTorch and Gymnasium.
# - **Check** with `ca2-rl check 02_targets.py`.
#
# Replace each `raise NotImplementedError` by your code. Keep the names and arguments of the
# functions: the checks call them.

# %%
# exercise: targets
import gymnasium as gym
import numpy as np
import torch

# %% [markdown]
# ## Targets
#
# `env.step` returns two flags. `terminated` means that the task is over: there are no more rewards.
# `truncated` means that the time limit was reached, in Pendulum-v1 after 200 steps, although the
# task would have gone on.
#
# With gamma = 0.9, a reward of 1 in each step forever is worth 1 / (1 - 0.9) = 10. An agent that
# sees episodes of 5 steps, and takes each fifth step for the end of the task, learns 1 / (1 - 0.9 *
# 4/5) = 3.6 instead, as it does not observe the time.


# %%
def targets(rewards, next_q, terminated, truncated, gamma):
    """Targets of one-step transitions, without gradient.

    :param rewards: float [B]
    :param next_q: Q-values of the next states, float [B, n]
    :param terminated: whether the task ended there, bool [B]
    :param truncated: whether the time limit was reached, bool [B]
    :param gamma: discount
    :return: float [B]
    """
    with torch.no_grad():
        return rewards + gamma * next_q.max(dim=1).values * ~terminated


# %% [markdown]
# ## Double Q-learning
#
# The maximum of several noisy estimates is too high on average: it picks those that err upwards. In
# double Q-learning (van Hasselt et al. 2016) the online network chooses the best action, and the
# target network says what it is worth.


# %%
def double_targets(rewards, next_online, next_target, terminated, truncated, gamma):
    """Targets of double Q-learning, without gradient.

    :param next_online: Q-values of the next states by the online network, float [B, n]
    :param next_target: the same by the target network
    :return: float [B]; the other parameters are those of ``targets``
    """
    with torch.no_grad():
        choice = next_online.argmax(dim=1, keepdim=True)
        values = next_target.gather(1, choice)[:, 0]
        return rewards + gamma * values * ~terminated


# %%
if __name__ == "__main__":
    noise = torch.randn(10_000, 5)  # the true values are all 0
    print(f"mean of the highest of 5 noisy values: {noise.max(1).values.mean():.2f}")
    nothing, no = torch.zeros(10_000), torch.zeros(10_000, dtype=torch.bool)
    both = double_targets(nothing, noise, torch.randn(10_000, 5), no, no, 1.0)
    print(f"with double Q-learning: {both.mean():.2f}")

# %% [markdown]
# ## Loss
#
# Only the Q-value of the action that was taken has a target.


# %%
def td_loss(q_values, actions, targets):
    """Mean squared error.

    :param q_values: float [B, n], with gradient
    :param actions: that were taken, int64 [B]
    :param targets: float [B]
    :return: a scalar tensor
    """
    taken = q_values.gather(1, actions[:, None])[:, 0]  # [B], as the targets: [B, 1] would make [B, B] of the difference
    return (taken - targets).square().mean()


# %% [markdown]
# ## Transitions
#
# When an episode is over, the environment has to be reset, and the next observation of the last
# step is *not* what the reset returns.


# %%
def collect(env, choose, steps, seed):
    """Plays so many steps, over as many episodes as it takes.

    :param env: of Gymnasium, with `env.step` and `env.reset(seed=...)`
    :param choose: observation -> action
    :param seed: of the first reset; the others get none
    :return: a dict of arrays with `steps` entries each: observations, actions, rewards, next_observations, terminated, truncated
    """
    names = ("observations", "actions", "rewards", "next_observations", "terminated", "truncated")
    played = {name: [] for name in names}
    observation, _ = env.reset(seed=seed)
    for _ in range(steps):
        action = choose(observation)
        next_observation, reward, terminated, truncated, _ = env.step(action)
        for name, value in zip(names, (observation, action, reward, next_observation, terminated, truncated), strict=True):
            played[name].append(value)
        observation = env.reset()[0] if terminated or truncated else next_observation
    return {name: np.array(values) for name, values in played.items()}


# %%
if __name__ == "__main__":
    env = gym.make("Pendulum-v1")
    played = collect(env, lambda observation: env.action_space.sample(), 500, seed=0)
    for flag in ("terminated", "truncated"):
        print(f"{flag} in the steps {np.flatnonzero(played[flag]).tolist()}")

# %% [markdown]
# ## Answers
#
# 1. If `done` is `terminated or truncated`, the value of the next state is left out at the time
#    limit, as if the task ended there.
# 2. That standing is worth less than it is: as the agent does not observe the time, each state
#    seems to lead to a fall now and then.
# 3. The loss says how well the network fits its targets, not whether they are right. Targets that
#    are easier to fit, such as the rewards alone, have a lower loss.
