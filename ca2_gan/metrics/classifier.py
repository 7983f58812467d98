"""The reference classifiers: small networks trained on the training split of the data, then frozen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.cache import cache_path, keep_file
from ca2_gan.data import Dataset
from ca2_gan.metrics.extractors import Module, Setup
from ca2_gan.reference_classifiers import shipped_weights
from ca2_gan.registry import extractors
from ca2_gan.weights import load_weights

FEATURES = 64
BATCH_SIZE = 128
SEEING_BATCH_SIZE = 500
EPOCHS, FEWEST, MOST = 16, 40_000, 160_000  # length of training: epochs, within these limits of images seen
LEARNING_RATE = 3e-3
SHIFT = 2
SMOOTHING = 0.05  # label smoothing
# To be raised with every change of the training that the cache's key does not contain
VERSION = 1


def strided(channels: int) -> nn.Sequential:
    """Three strided convolutions and a dense layer: [N, C, H, W] -> [N, 64]."""
    return nn.Sequential(
        nn.Conv2d(channels, 32, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Conv2d(64, 128, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),  # no change at 28x28 and 32x32
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(128 * 16, FEATURES),
    )


class Convolution(nn.Sequential):
    """SiLU of BatchNorm of a 3x3 convolution: [N, in, H, W] -> [N, out, H, W]."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels), nn.SiLU())


class Residual(nn.Module):
    """x + the convolution of x: [N, F, H, W] -> [N, F, H, W]."""

    def __init__(self, features: int):
        super().__init__()
        self.convolution = Convolution(features, features)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolution(x)
        return x + y


def residual(channels: int) -> nn.Sequential:
    """Residual blocks, average pooling between and after them, a dense layer: [N, C, H, W] -> [N, 64]."""
    return nn.Sequential(
        Convolution(channels, 16),
        nn.AvgPool2d(2),
        Convolution(16, 32),
        Residual(32),
        nn.AvgPool2d(2),
        Convolution(32, 64),
        Residual(64),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, FEATURES),
    )


@dataclass(frozen=True)
class Recipe:
    """The architecture and seed of a classifier.

    :param title: name in reports
    :param body: makes the layers that compute the features, given the number of image channels
    :param seed: seed of the weights and of the order of the images
    """

    title: str
    body: Callable[[int], nn.Sequential]
    seed: int


# Other layers and another seed, but the same data and training: a result of both is not an artefact of one network
CLASSIFIERS = {"first": Recipe("CNN", strided, seed=0), "second": Recipe("residual CNN", residual, seed=1)}


def recipe_of(classifier: str) -> Recipe:
    """The recipe of that name.

    :raises UserError: if there is none
    """
    if classifier not in CLASSIFIERS:
        near = did_you_mean(classifier, CLASSIFIERS)
        raise UserError(f"no reference classifier named {classifier!r}.{near} There are {' and '.join(CLASSIFIERS)}.")
    return CLASSIFIERS[classifier]


class Network(nn.Module):
    """Layers that compute features, then a dense layer for the classes: [N, C, H, W] in [0, 1] -> [N, K] logits.

    :param body: [N, C, H, W] -> features [N, 64]
    """

    def __init__(self, body: nn.Sequential, num_classes: int):
        super().__init__()
        self.body = body
        self.head = nn.Linear(FEATURES, num_classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features [N, 64] and logits [N, K]."""
        features = self.body(images)
        return features, self.head(functional.relu(features))


class Classifier(Module):
    """A frozen ``Network``.

    :param network: trained network
    :param recipe: recipe of the network
    :param data: name of the data that it was trained on
    """

    def __init__(self, network: Network, recipe: Recipe, data: str, device: str = "cpu"):
        super().__init__(network, f"{recipe.title} trained on the training split of {data}", device, batch_size=SEEING_BATCH_SIZE)
        self.recipe = recipe


@extractors.register("classifier")
def make_classifier(setup: Setup) -> Classifier:
    """A classifier of the data, trained on their training split (64-d)."""
    if setup.train is None:
        raise UserError("the reference classifier needs labelled training images. Give train=...")
    return reference_classifier(setup.train, recipe_of(setup.classifier), setup.device)


def reference_classifier(train: Dataset, recipe: Recipe = CLASSIFIERS["first"], device: str = "cpu") -> Classifier:
    """The classifier of a training split: shipped with the package, from the cache, or newly trained."""
    with torch.random.fork_rng(devices=[]):  # drawing the initial weights, which are replaced, would change the caller's random state
        network = Network(recipe.body(train.image_shape[0]), train.num_classes)
    how = (VERSION, str(network), recipe.seed, EPOCHS, FEWEST, MOST, BATCH_SIZE, LEARNING_RATE, SHIFT, SMOOTHING)
    cached = cache_path("classifier", (train.fingerprint, how, torch.__version__), ".safetensors")
    for path in (shipped_weights(train.fingerprint, recipe.seed), cached):
        try:
            load_weights(network, load_file(path))
            return Classifier(network, recipe, train.report.source, device)
        except (OSError, SafetensorError, RuntimeError, ValueError):  # not there, damaged, or of another network
            continue
    trained = train_network(train.images, train.labels, train.num_classes, recipe)
    keep_file(cached, lambda partial: save_file(trained.state_dict(), partial))
    return Classifier(trained, recipe, train.report.source, device)


def train_network(images: NDArray[np.uint8], labels: NDArray[np.int64], num_classes: int, recipe: Recipe) -> Network:
    """Trains with Adam, a one-cycle learning rate, and images shifted by up to 2 pixels.

    The same recipe gives the same weights on the same CPU. Training uses one thread, since rounding depends on the number of threads.

    :param images: [N, C, H, W]
    :param labels: 0..K-1, [N]
    """
    seen = min(max(EPOCHS * len(images), FEWEST), MOST)
    steps = seen // BATCH_SIZE
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.manual_seed(recipe.seed)
        network = Network(recipe.body(images.shape[1]), num_classes).train()
        optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
        rng = np.random.default_rng(recipe.seed)
        order = np.concatenate([rng.permutation(len(images)) for _ in range(-(-seen // len(images)))])
        for step in tqdm(range(steps), desc="training a classifier", unit_scale=BATCH_SIZE, unit="image", leave=False, disable=None):
            chosen = order[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]
            _, logits = network(_shift(torch.from_numpy(images[chosen]).float() / 255, rng))
            loss = functional.cross_entropy(logits, torch.from_numpy(labels[chosen]), label_smoothing=SMOOTHING)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _shift(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Shifts the whole batch by the same few pixels and repeats the edges."""
    down, right = rng.integers(0, 2 * SHIFT + 1, 2)
    height, width = images.shape[2:]
    padded = functional.pad(images, (SHIFT,) * 4, mode="replicate")
    return padded[:, :, down : down + height, right : right + width]
