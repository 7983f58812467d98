# exercise: agent
# The model of the best training episode is kept; the target network is a copy at each update
import copy

import numpy as np
import torch
from torch import nn

TORQUES = np.linspace(-2, 2, 3, dtype=np.float32)
GAMMA = 0.98


class Replay:
    def __init__(self):
        self.data = []

    def sample(self, n, rng):
        picked = [self.data[i] for i in rng.choice(len(self.data), n)]
        obs, act, rew, nxt, end = zip(*picked, strict=True)
        as_float = lambda x: torch.as_tensor(np.array(x), dtype=torch.float32)  # noqa: E731
        return as_float(obs), torch.as_tensor(act), as_float(rew), as_float(nxt), as_float(end)


def epsilon(progress):
    return 0.02 + 0.98 * max(0, 1 - 4 * progress)


class DQN:
    def __init__(self, seed):
        torch.manual_seed(seed)
        self.online = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 3))
        self.target = copy.deepcopy(self.online)
        self.optimizer = torch.optim.Adam(self.online.parameters(), 1e-3)

    def predict(self, observations, deterministic=True):
        with torch.no_grad():
            index = self.online(torch.as_tensor(observations)).argmax(-1)
        return TORQUES[index.numpy(), None], None

    def update(self, batch):
        obs, act, rew, nxt, end = batch
        with torch.no_grad():
            y = rew + GAMMA * (1 - end) * self.target(nxt).amax(1)
        loss = (self.online(obs)[torch.arange(len(act)), act] - y).pow(2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.target = copy.deepcopy(self.online)
        return loss.item()


def train(env, steps, seed):
    rng = np.random.default_rng(seed)
    agent, memory = DQN(seed), Replay()
    best_return, best_agent, episode_return = -np.inf, agent, 0.0
    obs, _ = env.reset(seed=seed)
    for step in range(steps):
        action = agent.predict(obs[None])[0][0]
        if rng.random() < epsilon(step / steps):
            action = TORQUES[[rng.integers(3)]]
        new_obs, reward, terminated, truncated, _ = env.step(action)
        episode_return += reward
        memory.data.append((obs, int(action[0] / 2 + 1), reward, new_obs, terminated))
        obs = new_obs
        if terminated or truncated:
            if episode_return > best_return:
                best_return, best_agent = episode_return, copy.deepcopy(agent)
            episode_return = 0.0
            obs, _ = env.reset()
        if step > 300:
            agent.update(memory.sample(64, rng))
    return best_agent
