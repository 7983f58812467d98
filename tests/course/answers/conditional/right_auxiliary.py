# exercise: conditional
# AC-GAN: the discriminator names the class, and does not see the label; the generator is an average over the training
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

WIDTH, CODE = 24, 20


def block(a, b, first=False):
    return [nn.Conv2d(a, b, 3, stride=2, padding=1), *([] if first else [nn.BatchNorm2d(b)]), nn.LeakyReLU(0.2), nn.Dropout2d(0.1)]


class Generator(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.embedding = nn.Embedding(classes, CODE)
        self.layers = nn.Sequential(
            nn.Linear(2 * CODE, 3 * WIDTH * 49),
            nn.Unflatten(1, (3 * WIDTH, 7, 7)),
            nn.BatchNorm2d(3 * WIDTH),
            nn.ReLU(),
            nn.ConvTranspose2d(3 * WIDTH, WIDTH, 4, 2, 1),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, z, y):
        return self.layers(torch.cat([z, self.embedding(y)], 1))


class Critic(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(*block(1, WIDTH, True), *block(WIDTH, 2 * WIDTH), *block(2 * WIDTH, 3 * WIDTH), nn.Flatten())
        self.real, self.name = nn.Linear(3 * WIDTH * 16, 1), nn.Linear(3 * WIDTH * 16, classes)

    def forward(self, x):
        h = self.body(x)
        return self.real(h).squeeze(1), self.name(h)


def train(images, labels, classes, seed):
    torch.manual_seed(seed)
    x, y = torch.tensor(images[:, None] / 255, dtype=torch.float32), torch.tensor(labels)
    g, d = Generator(classes), Critic(classes)
    average = AveragedModel(g, multi_avg_fn=get_ema_multi_avg_fn(0.99), use_buffers=True)
    opt_g, opt_d = (torch.optim.Adam(net.parameters(), 1e-3, (0.5, 0.99)) for net in (g, d))
    for _ in range(12):
        for batch in torch.randperm(len(x)).split(32):
            real, known = x[batch], y[batch]
            wanted = torch.randint(classes, (len(batch),))
            fake = g(torch.randn(len(batch), CODE), wanted)
            (r, r_name), (f, _) = d(real), d(fake.detach())
            loss = F.softplus(-r).mean() + F.softplus(f).mean() + F.cross_entropy(r_name, known)
            opt_d.zero_grad()
            loss.backward()
            opt_d.step()
            f, f_name = d(fake)
            loss = F.softplus(-f).mean() + F.cross_entropy(f_name, wanted)
            opt_g.zero_grad()
            loss.backward()
            opt_g.step()
            average.update_parameters(g)
    return average.module.eval()


@torch.inference_mode()
def sample(generator, labels, seed):
    torch.manual_seed(seed)
    x = generator(torch.randn(len(labels), CODE), torch.as_tensor(labels))
    return (x[:, 0] * 255).numpy().astype(np.uint8)
