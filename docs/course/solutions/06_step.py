# %% [markdown]
# # 6. One step of a GAN
#
# Two networks, two losses and two optimizers share one graph. With most mistakes, the GAN still
# learns, but worse.
#
# - **You learn** whose gradients go where, why fakes are detached in one turn and not in the other,
#   and which of two losses the generator minimises.
# - **Time** 60 minutes. **You need** PyTorch.
# - **Check** with `ca2-gan check 06_step.py`.
#
# Replace each `raise NotImplementedError` by your code. Keep the names and arguments of the
# functions: the checks call them.

# %%
# exercise: step
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional

# %% [markdown]
# ## Losses
#
# The discriminator returns logits. Their sigmoid is the probability that an image is real;
# `binary_cross_entropy_with_logits` applies it.


# %%
def discriminator_loss(real, fake):
    """Mean cross-entropy of real images with target 1, plus that of fakes with target 0.

    :param real: logits of real images, float [N]
    :param fake: logits of fakes, float [N]
    :return: a scalar tensor
    """
    of_real = functional.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    return of_real + functional.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))


# %%
def generator_loss(fake):
    """Mean cross-entropy of fakes with target 1, the non-saturating loss of Goodfellow et al. (2014): -log D(G(z)).

    :param fake: logits of fakes, float [N]
    :return: a scalar tensor
    """
    return functional.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


# %% [markdown]
# ## Optimizers
#
# Adam with `betas=(0.5, 0.99)`, as is usual for GANs.


# %%
def make_optimizers(generator, discriminator, lr):
    """An optimizer for each network.

    :return: the generator's, the discriminator's
    """
    return tuple(torch.optim.Adam(network.parameters(), lr=lr, betas=(0.5, 0.99)) for network in (generator, discriminator))


# %% [markdown]
# ## A step
#
# 1. The discriminator's turn: it learns to tell fakes from real images. The generator does not
#    change.
# 2. The generator's turn, with the same noise: the fakes go through the discriminator as it is
#    *now*, and the generator learns.
#
# The backward pass of the second turn also leaves gradients in the discriminator. What becomes of
# them?


# %%
def train_step(generator, discriminator, g_optimizer, d_optimizer, real, noise):
    """One step of both networks, the discriminator first.

    :param generator: noise [N, d] -> images
    :param discriminator: images -> logits [N]
    :param g_optimizer: of the generator
    :param d_optimizer: of the discriminator
    :param real: images
    :param noise: float [N, d]
    :return: the discriminator's loss, the generator's loss, two floats
    """
    fake = generator(noise)

    d_loss = discriminator_loss(discriminator(real), discriminator(fake.detach()))
    d_optimizer.zero_grad()  # also of what the generator's last turn has left there
    d_loss.backward()
    d_optimizer.step()

    g_loss = generator_loss(discriminator(fake))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.item(), g_loss.item()


# %% [markdown]
# ## Does it learn?
#
# The real data are points near a circle.

# %%
if __name__ == "__main__":
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(8, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 2))
    discriminator = nn.Sequential(
        nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1), nn.Flatten(0)
    )
    g_optimizer, d_optimizer = make_optimizers(generator, discriminator, 1e-3)
    for step in range(3000):
        angle = 2 * torch.pi * torch.rand(128)
        real = torch.stack([angle.cos(), angle.sin()], dim=1) + 0.05 * torch.randn(128, 2)
        losses = train_step(generator, discriminator, g_optimizer, d_optimizer, real, torch.randn(128, 8))
        if step % 500 == 0:
            print(f"step {step}: losses {losses[0]:.2f} and {losses[1]:.2f}")
    fake = generator(torch.randn(1000, 8)).detach()
    plt.figure(figsize=(3, 3))
    plt.scatter(*real.T, s=4)
    plt.scatter(*fake.T, s=4)
    plt.show()

# %% [markdown]
# ## Answers
#
# 1. Time: there is a second backward pass through the generator.
# 2. With logits of 0, 2 log 2 = 1.39 and log 2 = 0.69. No: a low loss of the generator means that
#    this discriminator is easily fooled, perhaps because it is bad.
# 3. The gradient of log(1 - D) to the logit is -D, nearly 0 for fakes that are recognised: where
#    the generator is worst, it learns least. That of -log D is -(1 - D), nearly -1.
