"""Judges of pictures on the page: the shipped reference classifiers, and the training images nearest to a picture."""

from string import ascii_uppercase, digits

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from ca2_core.play.program import Program, to_program
from ca2_gan.data import load_data
from ca2_gan.metrics.classifier import CLASSIFIERS, Network
from ca2_gan.reference_classifiers import FOLDER
from ca2_gan.weights import load_weights

# Data with a shipped classifier, and their classes
CLASS_NAMES = {"glyphs": tuple(ascii_uppercase), "mnist": tuple(digits)}
# Data whose images may be redistributed, since this package draws them
OPEN_DATA = ("glyphs",)
NEIGHBOURS = 2_000
DRAWN = 2_600  # about six sevenths of them are in the training part


def classifier(data: str) -> Network:
    """The first reference classifier of glyphs or mnist: images [N, 1, 28, 28] from 0 to 1 -> features [N, 64] and logits [N, K]."""
    weights = load_file(next(FOLDER.glob(f"{data}-*-{CLASSIFIERS['first'].seed}.safetensors")))
    with torch.random.fork_rng(devices=[]):
        network = Network(CLASSIFIERS["first"].body(1), len(CLASS_NAMES[data]))
    load_weights(network, weights)
    return network.eval()


def classifier_program(data: str) -> Program:
    """The classifier as a program: an image [1, 1, 28, 28] from 0 to 1 -> features [1, 64] and logits [1, K]."""
    return to_program(classifier(data), {"images": torch.zeros(1, 1, 28, 28)})


def training_images(data: str) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A part of the training split, by the classifier's features [2000, 64] and as images [2000, 784].

    A small set of glyphs is the beginning of a large one, and the split depends on a hash of each image: these are training images of both.
    """
    images = load_data(data, size=DRAWN).train.images[:NEIGHBOURS]
    with torch.inference_mode():
        features, _ = classifier(data)(torch.from_numpy(images).float() / 255)
    return features.numpy().astype(np.float32), images.reshape(len(images), -1)


def pack_training_images(data: str) -> bytes:
    """All features, float32, little-endian, then all images."""
    features, images = training_images(data)
    return features.astype("<f4").tobytes() + images.tobytes()
