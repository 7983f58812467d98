# exercise: step
# One optimizer for both networks, sigmoids in front of BCEWithLogitsLoss
import itertools

import torch
from torch import nn

criterion = nn.BCEWithLogitsLoss()


def discriminator_loss(real, fake):
    real, fake = torch.sigmoid(real), torch.sigmoid(fake)
    return criterion(real, torch.ones_like(real)) + criterion(fake, torch.zeros_like(fake))


def generator_loss(fake):
    return criterion(torch.sigmoid(fake), torch.ones_like(fake))


def make_optimizers(generator, discriminator, lr):
    both = torch.optim.Adam(itertools.chain(generator.parameters(), discriminator.parameters()), lr=lr, betas=(0.5, 0.99))
    return both, both


def train_step(generator, discriminator, g_optimizer, d_optimizer, real, noise):
    d_optimizer.zero_grad()
    d_loss = discriminator_loss(discriminator(real), discriminator(generator(noise).detach()))
    d_loss.backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(noise)))
    g_loss.backward()
    g_optimizer.step()
    return d_loss, g_loss
