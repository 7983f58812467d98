# exercise: step
# softplus instead of cross-entropy; fakes without a graph for the discriminator, and made again for the generator, with the discriminator frozen
import torch
from torch.nn.functional import softplus


def discriminator_loss(real, fake):
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(fake):
    return -torch.nn.functional.logsigmoid(fake).mean()


def make_optimizers(generator, discriminator, lr):
    g = torch.optim.Adam(generator.parameters(), lr, (0.5, 0.99))
    return [g, torch.optim.Adam(discriminator.parameters(), lr, (0.5, 0.99))]


def turn(optimizer, loss):
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def train_step(generator, discriminator, g_optimizer, d_optimizer, real, noise):
    with torch.no_grad():
        fake = generator(noise)
    logits = discriminator(torch.cat([real, fake]))
    d = turn(d_optimizer, discriminator_loss(*logits.split(len(real))))
    discriminator.requires_grad_(False)
    try:
        g = turn(g_optimizer, generator_loss(discriminator(generator(noise))))
    finally:
        discriminator.requires_grad_(True)
    return d, g
