# %% [markdown]
# # 5. Data
#
# Somebody gave you a file of letters. Whatever is wrong with it goes into the GAN.
#
# - **You learn** to find out what a file holds before anything learns from it, what a missing
#   header costs, and why a held-out part has to be new.
# - **Time** 60 minutes. **You need** NumPy, pandas or scikit-learn if you like.
# - **Check** with `ca2-gan check 05_data.py`.
#
# Replace each `raise NotImplementedError` by your code. Keep the names and arguments of the
# functions: the checks call them.

# %%
# exercise: data
from pathlib import Path
from tempfile import gettempdir

import matplotlib.pyplot as plt
import numpy as np

from ca2_gan.course.letters import write_letters

# %% [markdown]
# ## The file
#
# There is a row for each image, with a label and 28 x 28 pixels from 0 to 255; nothing else is
# known. Look at the file: how many rows are there, how often does each label occur, what do the
# images look like? `ca2-gan explore --data FILE` shows what you have missed.

# %%
if __name__ == "__main__":
    path = Path(gettempdir(), "letters.csv")
    write_letters(path)
    print(path)
    for line in path.read_text().splitlines()[:3]:
        print(line[:60], "...")

# %% [markdown]
# ## Reading it
#
# - Is there a header? A reader that expects one loses the first letter, without a warning.
# - Which rows are not letters?
# - Do the letters stand upright?


# %%
def read_letters(path):
    """The letters of a file, without what is none.

    :param path: of a CSV
    :return: images, uint8 [N, 28, 28], upright; labels, int64 [N], A is 0 and Z is 25; both in the order of the file
    """
    raise NotImplementedError


# %%
if __name__ == "__main__":
    images, labels = read_letters(path)
    print(len(images), "letters,", np.bincount(labels).tolist(), "of each class")
    figure, axes = plt.subplots(4, 13, figsize=(9, 3))
    for letter, axis in enumerate(axes.flat):
        axis.imshow(images[labels == letter % 26][letter // 26], cmap="gray")
        axis.axis("off")
    plt.show()

# %% [markdown]
# ## Holding out
#
# Generated letters are compared with letters that the GAN has not seen. Some letters are in the
# file twice.


# %%
def split(images, labels, seed):
    """Which images are held out: about a seventh, some of each class, none of them equal to one that is not.

    :param images: uint8 [N, 28, 28]
    :param labels: int64 [N]
    :param seed: another seed holds out others
    :return: bool [N]
    """
    raise NotImplementedError


# %% [markdown]
# ## Two letters under one label
#
# F and f have the same label, and their mean looks like neither. Divide the images of one letter
# into two groups of similar shape. For F and M, the groups turn out to be capitals and small
# letters, with few exceptions.


# %%
def two_shapes(images):
    """Two groups of images that look alike.

    :param images: of one letter, uint8 [N, 28, 28]
    :return: which of them are in the second group, bool [N]
    """
    raise NotImplementedError


# %%
if __name__ == "__main__":
    some = images[labels == ord("F") - ord("A")]
    second = two_shapes(some)
    figure, axes = plt.subplots(1, 3, figsize=(6, 2))
    for axis, (title, mean) in zip(
        axes, {"all": some.mean(0), "one": some[~second].mean(0), "other": some[second].mean(0)}.items(), strict=True
    ):
        axis.imshow(mean, cmap="gray")
        axis.set_title(title)
        axis.axis("off")
    plt.show()

# %% [markdown]
# ## Questions
#
# 1. pandas takes the first row for a header. Which error message do you get?
# 2. For which letters are the two groups not the two cases? What distinguishes the groups then?
# 3. The junk is a small part of the file. What would it do to a GAN, and to a Frechet distance?
