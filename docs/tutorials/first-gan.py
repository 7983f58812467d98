# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your first GAN
#
# In ten minutes you train a generator of letters, write a word with it, and find out how far its
# letters are from real ones. You need ca2 ([install](../install.md)), no GPU and no download.
#
# ## The data
#
# `glyphs` are letters that ca2 draws itself, with random slant, pen and bend. Of 26,000 letters we
# keep six classes, which are enough for a first try. Look at the data before you train on them.

# %%
import matplotlib.pyplot as plt
import numpy as np

from ca2_gan import Trainer, evaluate, load_data

data = load_data("glyphs", classes="A,G,N,O,R,T", size=26_000)
print(len(data.train), "images to train on,", len(data.test), "held out; classes", data.class_names)


def show(images, columns, title=""):
    """Draws images, uint8 [N, 1, H, W], in rows."""
    images = np.asarray(images)[:, 0].reshape(-1, columns, *images.shape[-2:])
    plt.figure(figsize=(columns * 0.7, len(images) * 0.7))
    plt.imshow(np.vstack([np.hstack(list(row)) for row in images]), cmap="gray")
    plt.axis("off")
    plt.title(title)
    plt.show()


show(np.stack([data[i][0] for i in range(24)]), 12, "real")

# %% [markdown]
# ## Train
#
# `letters_gan` is the model of this zoo that learns fastest on small machines. Two minutes of one
# core:

# %%
trainer = Trainer("letters_gan", data, seed=0)
gan = trainer.fit(cpu_minutes=2)

# %% [markdown]
# Each column below is one class, each row one sample of the noise. These are the first samples of
# seed 0: nothing was chosen.

# %%
labels = np.tile(np.arange(6), 4)
show(gan.sample(24, labels=labels, seed=0), 6, "generated")

# %% [markdown]
# It is a conditional model: you say which class to draw.

# %%
show(gan.sample(8, labels="TANGORAN", seed=1), 8)

# %% [markdown]
# ## How good is it?
#
# FID, the usual score, looks through a network that has only seen photographs. For letters, ca2
# trains a small *reference classifier* on your training images, and compares real and generated
# images by its features: that is the Fréchet classifier distance, *FCD*. Generated images are
# compared with the held-out images, and so are real training images: no generator does better than
# these on average, so their FCD is the *floor*.

# %%
scores = evaluate(gan, data.test, metrics=["fcd", "prdc"], train=data.train)
floor = evaluate(data.train, data.test, metrics=["fcd", "prdc"], train=data.train)
for name in scores:
    print(f"{name:10} generated {scores[name].value:7.2f}   real {floor[name].value:7.2f}")

# %% [markdown]
# *Precision* is the share of generated images that lie where real ones are; *recall* is the share
# of real images that the generator reaches. A generator that draws one perfect O again and again
# has a precision near 1 and a recall near 0.
#
# ## Does it only copy?
#
# Walk through the noise from one sample to another. A model that has memorised its images jumps;
# this one changes the shape step by step.

# %%
walk = gan.interpolate(1, labels="R", frames=12, seed=3)
show(np.concatenate(list(walk)), 12)

# %% [markdown]
# ## Break it
#
# Train the tutorial DCGAN for as long. It is several times larger, and cannot be told what to draw.

# %%
dcgan = Trainer("dcgan", data, seed=0).fit(cpu_minutes=2)
show(dcgan.sample(24, seed=0), 12, "dcgan")
print("FCD", round(evaluate(dcgan, data.test, metrics=["fcd"], train=data.train)["fcd"].value, 1))

# %% [markdown]
# It is not wrong, it is slow: after two minutes it has seen far fewer images than it needs. On a
# small machine, the model that learns from few images wins.
#
# ## What next?
#
# - Trained models come with the package, and need no training at all:
#
#   ```bash
#   ca2-gan sample letters_gan/glyphs --labels QUARTZ --n 8 --out quartz.png
#   ```
# - `ca2-gan play` opens a page on which models write what you type.
# - [Your own pictures](../howto/own-data.md), or [a GAN that does not learn](../howto/gan-fails.md).
# - [What each metric notices](../gan/metrics.md).
