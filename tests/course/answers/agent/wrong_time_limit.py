# exercise: agent
# done = terminated or truncated goes into the replay, after the reset; the target network is never updated
import numpy as np
import torch

TORQUES = np.linspace(-2, 2, 3, dtype=np.float32)


def epsilon(progress):
    return 1.0 if progress < 0.1 else 0.1


class DQN:
    def __init__(self, seed):
        torch.manual_seed(seed)
        make = lambda: torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.ReLU(), torch.nn.Linear(64, 3))  # noqa: E731
        self.online = make()
        self.target = make()
        self.target.load_state_dict(self.online.state_dict())
        self.optimizer = torch.optim.Adam(self.online.parameters(), lr=0.003)
        self.criterion = torch.nn.SmoothL1Loss()

    def best(self, observations):
        return self.online(torch.tensor(observations)).detach().argmax(1).numpy()

    def predict(self, observations, deterministic=True):
        return TORQUES[self.best(observations)][:, np.newaxis], None

    def update(self, batch):
        states, bins, rewards, next_states, done = batch
        q = self.online(states).gather(1, bins.reshape(-1, 1)).reshape(-1)
        next_q = self.target(next_states).detach().max(1)[0]
        loss = self.criterion(q, rewards + 0.98 * next_q * (1 - done))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def train(env, steps, seed):
    random = np.random.RandomState(seed)
    agent = DQN(seed)
    size = 0
    s, a, r, s2, d = (
        np.zeros((steps, 3), "f4"),
        np.zeros(steps, "i8"),
        np.zeros(steps, "f4"),
        np.zeros((steps, 3), "f4"),
        np.zeros(steps, "f4"),
    )
    observation = env.reset(seed=seed)[0]
    while size < steps:
        bin = random.randint(3) if random.rand() < epsilon(size / steps) else agent.best(observation[None])[0]
        before = observation
        observation, reward, terminated, truncated, _ = env.step(TORQUES[bin : bin + 1])
        done = terminated or truncated
        if done:
            observation = env.reset()[0]
        s[size], a[size], r[size], s2[size], d[size] = before, bin, reward, observation, done
        size += 1
        if size > 256 and size % 2 == 0:
            i = random.randint(0, size, 64)
            agent.update([torch.from_numpy(x[i]) for x in (s, a, r, s2, d)])
    return agent
