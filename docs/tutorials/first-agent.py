# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your first agent
#
# In ten minutes you train a DQN that swings up a pendulum, measure how far it is from the best
# possible agent, see what it has learned, and break it on purpose. You need ca2
# ([install](../install.md)) and no GPU.
#
# ## The task
#
# A pendulum hangs from a motor that is too weak to lift it directly. The agent sees the angle and
# the angular velocity, and chooses a torque between -2 and 2, twenty times a second. Each step
# costs up to 16.3: the more, the further the pendulum is from upright. An episode has 200 steps.

# %%
import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
from stable_baselines3.common.evaluation import evaluate_policy

from ca2_rl import DiscretizedDQN
from ca2_rl.envs.pendulum import sample_starts
from ca2_rl.optimum import PendulumOptimum, regret

env = gym.make("Pendulum-v1", max_episode_steps=25)
print(env.observation_space)
print(env.action_space)

# %% [markdown]
# The training plays episodes of 25 steps, so that the agent meets eight times as many initial
# states. Evaluations below play whole episodes.
#
# ## Train
#
# DQN needs a finite number of actions. `DiscretizedDQN` cuts the torque into `n_bins` values, here
# -2, 0 and 2. All other arguments are those of Stable-Baselines3's DQN. The training takes about
# half a minute.

# %%
settings = {
    "n_bins": 3,
    "exploration_hold": 20,  # random torques last up to 20 steps
    "learning_rate": 2e-3,
    "gamma": 0.998,
    "batch_size": 128,
    "learning_starts": 1000,
    "train_freq": 1,
    "policy_kwargs": {"net_arch": [128, 128]},
}
# The target network follows slowly, at every step
target = {"target_update_interval": 1, "tau": 0.01}

model = DiscretizedDQN("MlpPolicy", env, seed=0, **settings, **target)
model.learn(15_000)

# %% [markdown]
# ## How good is it?
#
# Stable-Baselines3's own function plays whole episodes without exploration:

# %%
mean, std = evaluate_policy(model, gym.make("Pendulum-v1"), n_eval_episodes=20)
print(f"return {mean:.0f}, standard deviation {std:.0f}")

# %% [markdown]
# Is that good? The standard deviation is large, because some initial states are easy (nearly
# upright) and others are hard (hanging down). It says nothing about the agent.
#
# For the pendulum, the best possible return can be computed. *Regret* is the optimal return minus
# the agent's, from the same initial state. 0 is perfect. The first call computes a table, which
# takes up to a minute; it is kept for later.

# %%
starts = sample_starts(100, seed=1)
optimal = PendulumOptimum().returns(starts)
regrets = regret(model, starts)
print(f"optimum {optimal.mean():.1f}, agent {optimal.mean() - regrets.mean():.1f}, regret {regrets.mean():.1f}")

# %% [markdown]
# A regret around 5 is what a tuned agent reaches. Random actions have a regret of about 1,100.
#
# ## What has it learned?
#
# Ask the Q-network about every state. The picture shows the torque with the highest Q-value, and
# the value itself.

# %%
angles, speeds = np.linspace(-np.pi, np.pi, 181), np.linspace(-8, 8, 161)
angle, speed = np.meshgrid(angles, speeds)
states = np.stack([np.cos(angle), np.sin(angle), speed], axis=-1)  # [161, 181, 3]
tensor, _ = model.policy.obs_to_tensor(states.reshape(-1, 3).astype(np.float32))
q_values = model.q_net(tensor).detach().numpy().reshape(*angle.shape, 3)

figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
value = axes[0].pcolormesh(angles, speeds, q_values.max(axis=-1))
torque = axes[1].pcolormesh(angles, speeds, q_values.argmax(axis=-1) * 2 - 2, cmap="coolwarm")
for axis, picture, title in zip(axes, (value, torque), ("value", "torque"), strict=True):
    axis.set(xlabel="angle (0 is upright)", ylabel="angular velocity", title=title)
    figure.colorbar(picture, ax=axis)
plt.show()

# %% [markdown]
# The bright ridge in the left picture is the way up: states from which the pendulum swings to the
# top with the torque that it has. On the right the torque follows the movement far from the top,
# which adds energy, and brakes it near the top.
#
# ## Break it
#
# SB3's DQN copies the target network every 10,000 steps by default. In a training of 15,000 steps
# that is once. What happens?

# %%
target = {"target_update_interval": 10_000, "tau": 1.0}
broken = DiscretizedDQN("MlpPolicy", env, seed=0, **settings, **target)
broken.learn(15_000)
print(f"regret {regret(broken, starts).mean():.0f} instead of {regrets.mean():.0f}")

# %% [markdown]
# The targets come from a network that knows nothing, for two thirds of the training. The loss looks
# fine all the while: it falls, because the network learns to predict wrong targets. Judge agents by
# what they do, not by their loss.
#
# ## What next?
#
# - The same from the command line, with tuned settings, saved as a run with a video and curves:
#
#   ```bash
#   ca2-rl train --algo discretizeddqn --env Pendulum-v1 --seed 0
#   ca2-rl evaluate logs/discretizeddqn
#   ca2-rl record-video --algo discretizeddqn --env Pendulum-v1
#   ca2-rl plot logs/discretizeddqn/Pendulum-v1_1
#   ```
# - `ca2-rl play` opens the pendulum in the browser: push it, let it learn, break it.
# - [Your own environment](../howto/own-environment.md), or [an agent that does not learn](../howto/agent-fails.md).
# - [Rainbow](../rl/rainbow.md): six improvements of DQN, each with its switch.
