# %% [markdown]
# # 7. The letter that was asked for
#
# Write a small conditional GAN that makes the letter that it is asked for: A, C, E, H or S. Its
# training takes half a minute of one core.
#
# - **You learn** how a label gets into both networks, and to see what a sheet of samples hides: a
#   generator that makes each letter once.
# - **Time** 90 minutes. **You need** exercise 6 and PyTorch.
# - **Check** with `ca2-gan check 07_conditional.py`, which takes about half a minute. At least 60 %
#   of the letters have to be read right by a classifier, the Frechet distance of its features to
#   held-out letters has to be at most 250, and the images of a letter have to differ from each
#   other.
#
# Replace each `raise NotImplementedError` by your code. You may change everything but the names and
# arguments of `train` and `sample`.

# %%
# exercise: conditional
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional

from ca2_gan.course.conditional import LETTERS, letters

NOISE = 32
STEPS = 1000
BATCH_SIZE = 32

# %% [markdown]
# ## The letters
#
# Five letters, each as capitals and small letters: 3,300 images to learn from, 500 held out.

# %%
if __name__ == "__main__":
    known, held_out = letters()
    figure, axes = plt.subplots(2, 10, figsize=(10, 2))
    for axis, image in zip(axes.flat, known.images, strict=False):
        axis.imshow(image, cmap="gray")
        axis.axis("off")
    plt.show()

# %% [markdown]
# ## Two networks
#
# The generator gets the label as a one-hot vector, concatenated with the noise. How the
# discriminator gets it is up to you: as additional channels of the image; by a projection (Miyato &
# Koyama 2018), `head(h) + (embedding(label) * h).sum(1)` with the last features h; or by a second
# head that names the class (AC-GAN). If it does not get the label, a wrong letter is as good as a
# right one.


# %%
class Generator(nn.Module):
    """Noise [N, 32] and labels [N] -> images [N, 28, 28] from -1 to 1."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes
        self.dense = nn.Sequential(nn.Linear(NOISE + classes, 64 * 7 * 7), nn.BatchNorm1d(64 * 7 * 7), nn.ReLU())
        self.up = nn.Sequential(
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh()
        )

    def forward(self, noise, labels):
        raise NotImplementedError


# %%
class Discriminator(nn.Module):
    """Images [N, 28, 28] from -1 to 1 and labels [N] -> logits [N]."""

    def __init__(self, classes):
        super().__init__()
        normed = nn.utils.parametrizations.spectral_norm
        self.down = nn.Sequential(
            normed(nn.Conv2d(1, 32, 4, 2, 1)), nn.LeakyReLU(0.1), normed(nn.Conv2d(32, 64, 4, 2, 1)), nn.LeakyReLU(0.1), nn.Flatten()
        )  # [N, 64 * 7 * 7]
        raise NotImplementedError

    def forward(self, images, labels):
        raise NotImplementedError


# %% [markdown]
# ## Training
#
# As in exercise 6, with a label for each image. Settings that work: hinge loss, `relu(1 - D(x)) +
# relu(1 + D(G(z)))` and `-D(G(z))`, Adam with `betas=(0.0, 0.9)`, learning rates 1e-3 for the
# generator and 2e-3 for the discriminator.


# %%
def train(images, labels, classes, seed):
    """Trains a generator, on a CPU, in a minute or so.

    :param images: uint8 [N, 28, 28]
    :param labels: int64 [N] from 0 to classes - 1
    :param classes: number of classes
    :param seed: of everything
    :return: what ``sample`` takes
    """
    raise NotImplementedError


# %%
def sample(generator, labels, seed):
    """An image for each label.

    :param generator: that ``train`` returned
    :param labels: int64 [N], an array
    :param seed: of the noise: the same seed gives the same images, another seed others
    :return: uint8 [N, 28, 28], an array, light on dark
    """
    raise NotImplementedError


# %% [markdown]
# ## Look at it
#
# The first row shows different letters, each other row shows one letter ten times. Which rows tell
# you more?

# %%
if __name__ == "__main__":
    generator = train(known.images, known.labels, len(LETTERS), seed=0)
    figure, axes = plt.subplots(len(LETTERS) + 1, 10, figsize=(10, 6))
    shown = torch.cat([torch.arange(10) % len(LETTERS), torch.arange(len(LETTERS)).repeat_interleave(10)])
    for axis, image in zip(axes.flat, sample(generator, shown.numpy(), seed=0), strict=True):
        axis.imshow(image, cmap="gray")
        axis.axis("off")
    plt.show()

# %% [markdown]
# ## Questions
#
# 1. Multiply the noise by 0.05 in `sample`. Which checks fail now? The share of unique images is
#    often reported: does it change?
# 2. Which letter comes out worst? Which ones have two shapes?
# 3. Also give the discriminator real images with wrong labels, as fakes. Does that help? Why should
#    it?
