# exercise: targets
# Shapes [B, 1] against [B]; gradients in the targets; both networks' parts exchanged
import numpy as np
import torch.nn.functional as F


def targets(rewards, next_q, terminated, truncated, gamma):
    not_over = 1 - terminated.float()
    return rewards + gamma * not_over * next_q.max(dim=1).values


def double_targets(rewards, next_online, next_target, terminated, truncated, gamma):
    a = next_target.argmax(dim=1, keepdim=True)
    v = next_online.gather(1, a).squeeze()
    return rewards + gamma * (1 - terminated.float()) * v


def td_loss(q_values, actions, targets):
    prediction = q_values.gather(1, actions.view(-1, 1))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return F.mse_loss(prediction, targets)


def collect(env, choose, steps, seed):
    data = {k: [] for k in "observations actions rewards next_observations terminated truncated".split()}
    obs = env.reset(seed=seed)[0]
    for _ in range(steps):
        act = choose(obs)
        new, rew, term, trunc, _ = env.step(act)
        previous = obs
        obs = new
        if term or trunc:
            obs = env.reset()[0]
        for k, v in zip(data, [previous, act, rew, obs, term, trunc], strict=True):
            data[k].append(v)
    return {k: np.asarray(v) for k, v in data.items()}
