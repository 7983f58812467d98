# exercise: conditional
# The label goes into the generator, but the discriminator never sees one
import torch
from torch import nn


def train(images, labels, classes, seed):
    torch.manual_seed(seed)
    data = torch.from_numpy(images).float().flatten(1) / 127.5 - 1
    generator = nn.Sequential(nn.Linear(16 + classes, 128), nn.BatchNorm1d(128), nn.LeakyReLU(0.2), nn.Linear(128, 784), nn.Tanh())
    discriminator = nn.Sequential(nn.Linear(784, 128), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(128, 1))
    g_adam = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.99))
    d_adam = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.99))
    bce = nn.BCEWithLogitsLoss()
    one, zero = torch.ones(64, 1), torch.zeros(64, 1)
    for _ in range(1500):
        real = data[torch.randint(len(data), (64,))]
        wanted = torch.eye(classes)[torch.randint(classes, (64,))]
        fake = generator(torch.cat([torch.randn(64, 16), wanted], 1))
        d_adam.zero_grad()
        (bce(discriminator(real), one) + bce(discriminator(fake.detach()), zero)).backward()
        d_adam.step()
        g_adam.zero_grad()
        bce(discriminator(fake), one).backward()
        g_adam.step()
    return generator.eval(), classes


def sample(generator, labels, seed):
    network, classes = generator
    noise = torch.randn(len(labels), 16, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        x = network(torch.cat([noise, torch.eye(classes)[torch.as_tensor(labels)]], 1))
    return ((x.view(-1, 28, 28) + 1) / 2 * 255).to(torch.uint8).numpy()
