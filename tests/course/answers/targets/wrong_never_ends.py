# exercise: targets
# Every step bootstraps, as the pendulum does; the loss is that of the best action; the environment is never reset
import numpy as np
import torch


@torch.no_grad()
def targets(rewards, next_q, terminated, truncated, gamma):
    return rewards + gamma * torch.max(next_q, dim=1)[0]


@torch.no_grad()
def double_targets(rewards, next_online, next_target, terminated, truncated, gamma):
    return rewards + gamma * torch.max(next_online, dim=1)[0]


def td_loss(q_values, actions, targets):
    return torch.mean((q_values.max(1)[0] - targets) ** 2)


def collect(env, choose, steps, seed):
    rows = []
    state, info = env.reset(seed=seed)
    for step in range(steps):
        action = choose(state)
        following, reward, terminated, truncated, info = env.step(action)
        rows.append([state, action, reward, following, terminated, truncated])
        state = following
    columns = zip(*rows)
    return {
        name: np.array(column)
        for name, column in zip(
            ("observations", "actions", "rewards", "next_observations", "terminated", "truncated"), columns, strict=True
        )
    }
