# exercise: step
# No detach, gradients added up in the generator; the loss of the minimax game; optimizers exchanged
import torch


def bce(logits, target):
    p = torch.sigmoid(logits)
    return -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()


def discriminator_loss(real, fake):
    return (bce(real, 1) + bce(fake, 0)) / 2


def generator_loss(fake):
    return torch.log(1 - torch.sigmoid(fake)).mean()


def make_optimizers(generator, discriminator, lr):
    adam = lambda net: torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.99))  # noqa: E731
    return adam(discriminator), adam(generator)


def train_step(generator, discriminator, g_optimizer, d_optimizer, real, noise):
    g_optimizer.zero_grad()
    d_optimizer.zero_grad()
    fake = generator(noise)
    d = bce(discriminator(real), 1) + bce(discriminator(fake), 0)
    d.backward(retain_graph=True)
    d_optimizer.step()
    g = bce(discriminator(fake), 1)
    g.backward()
    g_optimizer.step()
    return d.item(), g.item()
