# %% [markdown]
# # 8. Judging a GAN
#
# GANs are compared by a Frechet distance (FID, Heusel et al. 2017). It is easy to compute, and easy
# to compute wrongly.
#
# - **You learn** the formula and its numerics, why its value depends on the number of images, which
#   images are compared with which, and what a number means next to that of real images.
# - **Time** 60 minutes. **You need** NumPy, SciPy if you like.
# - **Check** with `ca2-gan check 08_judge.py`.
#
# Replace each `raise NotImplementedError` by your code. Keep the names and arguments of the
# functions: the checks call them.

# %%
# exercise: judge
import numpy as np
import torch

from ca2_gan import load, load_data
from ca2_gan.metrics.classifier import reference_classifier

# %% [markdown]
# ## The distance
#
# A network turns each image into a vector of features. The distance of two sets is that of two
# Gaussians with their means and covariances:
#
# |mu_x - mu_y|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2))
#
# `scipy.linalg.sqrtm(C_x @ C_y)` often has an imaginary part, which comes from rounding, above all
# where the product has no inverse. But only the trace of the root is needed. With C_x = F F^T, C_x
# C_y has the same eigenvalues as F^T C_y F, which is symmetric, and whose eigenvalues are at least
# 0.


# %%
def frechet(x, y):
    """Frechet distance of two sets of feature vectors.

    :param x: float [N, d]
    :param y: float [M, d]
    :return: a real number, at least 0 up to rounding, also where N or M is smaller than d
    """
    raise NotImplementedError


# %% [markdown]
# How does the distance depend on the number of vectors? Here, both sets are from the same
# distribution.

# %%
if __name__ == "__main__":
    rng = np.random.default_rng(0)
    for n in (50, 100, 200, 400, 800):
        print(n, f"{frechet(rng.normal(size=(n, 24)), rng.normal(size=(n, 24))):.3f}")

# %% [markdown]
# ## Score and floor
#
# Is a score of 14 good? The floor tells: it is the score of real images. Which sets do you have to
# compare for both numbers, and how many vectors of each?


# %%
def judge(fake, train, test):
    """The score of a generator, and the floor that it is compared with. Both are of as many vectors on each side as the smallest set has.

    :param fake: features of generated images, float [N, d]
    :param train: features of the images that the generator has learned from, float [M, d]
    :param test: features of held-out images, float [K, d]
    :return: {"score": distance of the generated images, "floor": that of real images}
    """
    raise NotImplementedError


# %% [markdown]
# ## A ranking


# %%
def ranking(models, test):
    """Names of models, the best first, by as many vectors of each.

    :param models: features of each model's images by its name, float [N_i, d]
    :param test: features of held-out images, float [K, d]
    :return: list of the names
    """
    raise NotImplementedError


# %% [markdown]
# ## A real one
#
# Here is the score of a generator that comes with the package, with the features of its reference
# classifier.

# %%
if __name__ == "__main__":
    data = load_data("glyphs")
    classifier = reference_classifier(data.train)

    def see(images):
        return classifier.see(np.asarray(images)).features

    real = {"train": see(data.train.images[:2800]), "test": see(data.test.images)}
    gan = load("letters_gan/glyphs")
    print("letters_gan:", judge(see(gan.sample(2800, seed=0)), **real))
    print("noise:", judge(see(torch.randint(256, (2800, 1, 28, 28), dtype=torch.uint8)), **real))

# %% [markdown]
# ## Questions
#
# 1. A paper reports a FID of 3.1 with 50,000 images, you get 9.0 with 5,000. Which model is better?
# 2. What does a score below the floor mean?
# 3. Which generator gets a score near the floor although it is worthless?
