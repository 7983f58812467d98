# exercise: agent
# Double Q-learning, copies of the network every 200 updates, five torques
import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as F

TORQUES = np.array([-2, -1, 0, 1, 2], dtype=np.float32)


def epsilon(progress):
    return float(np.interp(progress, [0, 0.05, 0.4], [1.0, 1.0, 0.05]))


def network():
    return torch.nn.Sequential(
        torch.nn.Linear(3, 128), torch.nn.SiLU(), torch.nn.Linear(128, 64), torch.nn.SiLU(), torch.nn.Linear(64, len(TORQUES))
    )


class DQN:
    def __init__(self, seed):
        torch.manual_seed(seed)
        self.online, self.target = network(), network()
        self.copy()
        self.target.requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.online.parameters(), lr=2e-3, weight_decay=1e-5)
        self.updates = 0

    def copy(self):
        self.target.load_state_dict(self.online.state_dict())

    @torch.no_grad()
    def predict(self, observations, deterministic=True):
        q = self.online(torch.from_numpy(np.asarray(observations, dtype=np.float32)))
        return TORQUES[q.argmax(1).numpy()].reshape(-1, 1), None

    def update(self, batch):
        s, a, r, s2, ended = batch
        choice = self.online(s2).argmax(1, keepdim=True)
        y = r + 0.98 * (1 - ended) * self.target(s2).gather(1, choice).squeeze(1)
        loss = F.mse_loss(self.online(s).gather(1, a.unsqueeze(1)).squeeze(1), y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.online.parameters(), 10)
        self.optimizer.step()
        self.updates += 1
        if self.updates % 100 == 0:
            self.copy()
        return float(loss)


def train(env: gym.Env, steps, seed):
    generator = np.random.default_rng(seed)
    dqn = DQN(seed)
    memory = []
    done, options = True, {"seed": seed}
    for t in range(steps):
        if done:
            state = env.reset(**options)[0]
            options = {}
        greedy = generator.random() >= epsilon(t / steps)
        torque = dqn.predict(state[None])[0][0] if greedy else generator.choice(TORQUES, 1)
        after, reward, terminated, truncated, _ = env.step(torque)
        memory.append((state, int(np.argmin(abs(TORQUES - torque))), reward, after, terminated))
        state, done = after, terminated or truncated
        if t > 400:
            rows = [memory[i] for i in generator.integers(len(memory), size=96)]
            s, a, r, s2, ended = map(np.array, zip(*rows, strict=True))
            floats = [torch.from_numpy(x.astype(np.float32)) for x in (r, s2, ended)]
            dqn.update((torch.from_numpy(s.astype(np.float32)), torch.from_numpy(a), *floats))
    return dqn
