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
from sklearn.cluster import KMeans

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
    rows = np.loadtxt(path, delimiter=",", dtype=np.int64)
    labels, pixels = rows[:, 0], rows[:, 1:]
    is_letter = (labels >= 1) & (pixels.min(axis=1) < pixels.max(axis=1))
    images = pixels[is_letter].reshape(-1, 28, 28).swapaxes(1, 2).astype(np.uint8)
    return images, labels[is_letter] - 1


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
    _, group = np.unique(images.reshape(len(images), -1), axis=0, return_inverse=True)  # equal images have the same number
    chance = np.random.default_rng(seed).random(group.max() + 1)
    return chance[group.ravel()] < 1 / 7


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
    return KMeans(2, n_init=10, random_state=0).fit_predict(images.reshape(len(images), -1) / 255) == 1


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
# ## Answers
#
# 1. None. The pixels of the first letter become the names of the columns (0, 0.1, 0.2, ...), which
#    nobody looks at.
# 2. For C, S, U, V, W and others, both cases have the same shape. Then the groups are, for
#    instance, slanted and upright letters.
# 3. The GAN learns to make grey squares, about as often as they are in the file. The distance
#    rises, as they are far from all letters, and squares of distances count.
