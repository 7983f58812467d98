"""The small extractors: classifiers of the data at hand, trained on their training split and frozen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from ca2_core.errors import UserError, did_you_mean
from ca2_gan.cache import cache_path, keep
from ca2_gan.data import Dataset
from ca2_gan.judges import shipped_weights
from ca2_gan.metrics.extractors import Seen, batches, weights_hash
from ca2_gan.weights import load_weights

FEATURES = 64
BATCH_SIZE = 128
SEEING_BATCH_SIZE = 500
EPOCHS, FEWEST, MOST = 16, 40_000, 160_000  # images seen: epochs, but not fewer nor more
LEARNING_RATE = 3e-3
SHIFT = 2
# Part of the cache's key: another recipe is another extractor
CODE = blake2b(Path(__file__).read_bytes(), digest_size=8).hexdigest()


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
    """What a classifier is made of.

    :param title: what it is called in print
    :param body: channels of the images -> what makes features of them
    :param seed: of its weights, and of the order of the images
    """

    title: str
    body: Callable[[int], nn.Sequential]
    seed: int


# Other layers and another seed, the same data and training: what both say is not the whim of one network
JUDGES = {"first": Recipe("CNN", strided, seed=0), "second": Recipe("residual CNN", residual, seed=1)}


def recipe_of(judge: str) -> Recipe:
    """The recipe of that name.

    :raises UserError: if there is none
    """
    if judge not in JUDGES:
        raise UserError(f"no judge named {judge!r}.{did_you_mean(judge, JUDGES)} There are {' and '.join(JUDGES)}.")
    return JUDGES[judge]


class Network(nn.Module):
    """Features, then a layer of classes: [N, C, H, W] in [0, 1] -> [N, K] logits.

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


class Classifier:
    """A frozen ``Network``.

    :param network: trained
    :param recipe: of the network
    :param data: what the training split is of
    """

    resize = "none"
    dimensions = FEATURES

    def __init__(self, network: Network, recipe: Recipe, data: str):
        self.name = f"{recipe.title} trained on the training split of {data}"
        self.recipe = recipe
        self.network = network.eval().requires_grad_(False)
        self.fingerprint = weights_hash(network)

    @torch.inference_mode()
    def see(self, images: NDArray[np.uint8], batch_size: int | None = None) -> Seen:
        """:param images: [N, C, H, W] of the data's shape"""
        features, classes = [], []
        for batch in batches(images, batch_size or SEEING_BATCH_SIZE, "classifier"):
            seen, logits = self.network(batch)
            features.append(seen.numpy())
            classes.append(logits.argmax(dim=1).numpy())
        return Seen(np.concatenate(features), np.concatenate(classes))


def trained_on(train: Dataset, recipe: Recipe = JUDGES["first"]) -> Classifier:
    """The classifier of a training split: the one that comes with the package, else from the cache if it has been trained before."""
    cached = cache_path("classifier", (train.fingerprint, CODE, recipe.title, recipe.seed, torch.__version__), ".safetensors")
    with torch.random.fork_rng(devices=[]):  # its first weights don't stay, but drawing them would disturb the caller
        network = Network(recipe.body(train.image_shape[0]), train.num_classes)
    for path in (shipped_weights(train.fingerprint, recipe.seed), cached):
        try:
            load_weights(network, load_file(path))
            break
        except (OSError, SafetensorError, RuntimeError, ValueError):  # not there, damaged, or of another network
            continue
    else:
        network = train_network(train.images, train.labels, train.num_classes, recipe)
        keep(cached, serialise(network.state_dict()))
    return Classifier(network, recipe, train.report.source)


def train_network(images: NDArray[np.uint8], labels: NDArray[np.int64], num_classes: int, recipe: Recipe) -> Network:
    """Trains with Adam, one cycle of the learning rate, and images shifted by up to 2 pixels.

    The same recipe gives the same weights on the same processor: one thread, since sums over several depend on their number.

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
            loss = functional.cross_entropy(logits, torch.from_numpy(labels[chosen]), label_smoothing=0.05)
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
    """The whole batch moved by a few pixels, edges repeated."""
    down, right = rng.integers(0, 2 * SHIFT + 1, 2)
    height, width = images.shape[2:]
    padded = functional.pad(images, (SHIFT,) * 4, mode="replicate")
    return padded[:, :, down : down + height, right : right + width]
