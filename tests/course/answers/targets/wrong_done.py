# exercise: targets
# One flag for both ends, as in Gym before 0.26
import numpy as np
import torch


def targets(rewards, next_q, terminated, truncated, gamma):
    done = (terminated | truncated).float()
    with torch.no_grad():
        return rewards + gamma * (1 - done) * next_q.max(1)[0]


def double_targets(rewards, next_online, next_target, terminated, truncated, gamma):
    done = (terminated | truncated).float()
    best = next_online.argmax(1).unsqueeze(1)
    return (rewards + gamma * (1 - done) * next_target.gather(1, best).squeeze(1)).detach()


def td_loss(q_values, actions, targets):
    return ((q_values[range(len(actions)), actions] - targets) ** 2).mean()


def collect(env, choose, steps, seed):
    obs, _ = env.reset(seed=seed)
    o, a, r, o2, d = [], [], [], [], []
    for _ in range(steps):
        action = choose(obs)
        nxt, reward, terminated, truncated, _ = env.step(action)
        done = terminated or truncated
        o += [obs]
        a += [action]
        r += [reward]
        o2 += [nxt]
        d += [done]
        obs = env.reset()[0] if done else nxt
    o, a, r, o2, d = map(np.array, (o, a, r, o2, d))
    return {"observations": o, "actions": a, "rewards": r, "next_observations": o2, "terminated": d, "truncated": d}
