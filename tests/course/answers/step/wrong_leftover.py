# exercise: step
# zero_grad comes after each network's own step only, so that the gradients of the generator's turn stay in the discriminator
import torch
import torch.nn.functional as F


def discriminator_loss(real, fake):
    targets = torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    return 2 * F.binary_cross_entropy_with_logits(torch.cat([real, fake]), targets)


def generator_loss(fake):
    return F.binary_cross_entropy(fake.sigmoid(), torch.ones_like(fake))


def make_optimizers(generator, discriminator, lr):
    options = dict(lr=lr, betas=(0.5, 0.99))
    return torch.optim.Adam(generator.parameters(), **options), torch.optim.Adam(discriminator.parameters(), **options)


def train_step(generator, discriminator, g_optimizer, d_optimizer, real, noise):
    images = generator(noise)
    loss_d = discriminator_loss(discriminator(real), discriminator(images.detach()))
    loss_d.backward()
    d_optimizer.step()
    d_optimizer.zero_grad()
    loss_g = generator_loss(discriminator(images))
    loss_g.backward()
    g_optimizer.step()
    g_optimizer.zero_grad()
    return loss_d.item(), loss_g.item()
