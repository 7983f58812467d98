"""Compares generators of glyphs with the procedure that draws them, whose factors are known and whose images are unlimited."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy import stats
from torch import Tensor, nn
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_gan.cache import cache_path, keep_file
from ca2_gan.data import Dataset, load_data
from ca2_gan.metrics.extractors import Extractors, Setup, batches
from ca2_gan.metrics.fid import distance
from ca2_gan.metrics.samples import Samples, Source, real_samples
from ca2_gan.metrics.slices import Slice, score_slices
from ca2_gan.metrics.view import View

FACTORS = ("upper", "script", "slant", "turn", "stretch", "bend", "side", "pen", "softness", "pressure")
# First seed of fresh glyphs, on which no model was trained
FRESH = 900_000
DRAWS = 4  # sets of fresh glyphs for the floor
# Of the network that infers the factors, and of its training
LEARNED, EPOCHS, BATCH_SIZE, LEARNING_RATE, WIDTH, VERSION = 20_000, 6, 128, 2e-3, 32, 1
TESTED = 2_000
# Share of fresh glyphs that are taken for copies
FALSE_ALARMS = 0.01


@dataclass(frozen=True)
class Factor:
    """A property that letters are drawn with, as inferred from images.

    :param name: such as "slant"
    :param r2: share of the factor's variance over fresh glyphs that the inference explains
    :param real: values inferred from fresh glyphs, [n]
    :param fake: values inferred from the images in question, [n]
    :param difference: largest difference of their cumulative shares (Kolmogorov-Smirnov statistic)
    :param floor: the same between two sets of fresh glyphs
    :param recall: for ranges of the factor, which fresh glyphs are within reach of the images
    :param recall_floor: the same, within reach of other fresh glyphs
    """

    name: str
    r2: float
    real: NDArray[np.float32]
    fake: NDArray[np.float32]
    difference: float
    floor: float
    recall: tuple[Slice, ...]
    recall_floor: tuple[Slice, ...]


@dataclass(frozen=True)
class Copies:
    """Images that are much nearer to one training image than to all others.

    :param ratios: distance of each image to its nearest training image, divided by that to the second nearest, [n]
    :param fresh: the same for fresh glyphs, [n]
    :param threshold: copies have a lower ratio, as 1 % of fresh glyphs do
    """

    ratios: NDArray[np.float64]
    fresh: NDArray[np.float64]
    threshold: float

    @property
    def share(self) -> float:
        """Share of the images that are taken for copies."""
        return float((self.ratios < self.threshold).mean())

    @property
    def p_value(self) -> float:
        """Probability that at least as many of n new images would be taken for copies."""
        found = int((self.ratios < self.threshold).sum())
        return float(stats.binomtest(found, len(self.ratios), FALSE_ALARMS, alternative="greater").pvalue)


@dataclass(frozen=True)
class GroundTruth:
    """All results of the comparison.

    :param fcd: FCD between the images and fresh glyphs
    :param floor: FCDs between fresh glyphs and each further set of them
    """

    n: int
    fcd: float
    floor: tuple[float, ...]
    factors: tuple[Factor, ...]
    copies: Copies


def ground_truth(source: Source, n: int = 2_000, seed: int = 0) -> GroundTruth:
    """Compares images of letters with freshly drawn glyphs.

    :param source: a model or images, 28x28 and gray, of the classes A to Z
    :param n: images on each side
    :raises UserError: if the images have another shape, or are too few
    """
    data = load_data("glyphs")
    if source.image_shape != data.image_shape:
        raise UserError(f"{source.name}: images of {list(source.image_shape)}; glyphs have {list(data.image_shape)}.")
    if source.images is not None and len(source.images) < n:
        raise UserError(f"{source.name}: {len(source.images):,} images, but {n:,} are asked for. Give a smaller n, or more images.")
    extractors = Extractors(Setup(data.train))

    def view(samples: Samples) -> View:
        return View(samples.among(data.class_names), extractors)

    drawn = [fresh_glyphs(n, i) for i in range(DRAWS + 1)]
    real, other = view(drawn[0]), view(drawn[1])
    fake = view(source.draw(n, data.train, seed))
    network = factor_network()
    inferred = {name: infer(network, it.samples.images) for name, it in (("real", real), ("other", other), ("fake", fake))}
    test = fresh_glyphs(TESTED, DRAWS + 1)
    r2 = explained(infer(network, test.images), known_factors(test))
    factors = []
    for i, name in enumerate(FACTORS):
        own, another, fakes = (inferred[key][:, i] for key in ("real", "other", "fake"))
        factors.append(
            Factor(
                name,
                float(r2[i]),
                own,
                fakes,
                float(stats.ks_2samp(own, fakes).statistic),
                float(stats.ks_2samp(own, another).statistic),
                score_slices(real, fake, name),
                score_slices(real, other, name),
            )
        )
    train = View(real_samples(data.train, "training images"), extractors)
    ratios = [_ratios(it, train) for it in (fake, real)]
    copies = Copies(ratios[0], ratios[1], float(np.quantile(ratios[1], FALSE_ALARMS)))
    floor = tuple(distance(real, view(each), "classifier").value for each in drawn[1:])
    return GroundTruth(n, distance(real, fake, "classifier").value, floor, tuple(factors), copies)


def _ratios(view: View, train: View) -> NDArray[np.float64]:
    distances = view.nearest_in(train, "classifier")[0].numpy()
    ratios: NDArray[np.float64] = distances[:, 0] / np.maximum(distances[:, 1], np.finfo(np.float64).tiny)
    return ratios


def fresh_glyphs(n: int, number: int) -> Samples:
    """New glyphs, with their factors among the attributes.

    :param number: number of the set, from 0
    """
    data: Dataset = load_data("glyphs", seed=FRESH + number, size=n)
    return real_samples(data, "fresh glyphs")


def known_factors(samples: Samples) -> NDArray[np.float32]:
    """True factors of glyphs: [N, factors]."""
    return np.stack([samples.attributes[name].astype(np.float32) for name in FACTORS], axis=1)


def explained(inferred: NDArray[np.floating], known: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share of each factor's variance that the inference explains (R^2): [factors].

    :param inferred: [N, factors]
    :param known: [N, factors]
    """
    shares: NDArray[np.float64] = 1 - ((inferred - known) ** 2).mean(axis=0, dtype=np.float64) / known.var(axis=0, dtype=np.float64)
    return shares


class FactorNetwork(nn.Module):
    """Infers the factors of letters: images [N, 1, 28, 28] in [0, 1] -> [N, factors]."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        sizes = [1, WIDTH, 2 * WIDTH, 4 * WIDTH]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(sizes[-1] * 16, 128), nn.SiLU(), nn.Linear(128, len(FACTORS)))
        self.register_buffer("mean", torch.zeros(len(FACTORS)))
        self.register_buffer("std", torch.ones(len(FACTORS)))

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.body(images) * self.std + self.mean
        return found


def factor_network() -> FactorNetwork:
    """The trained network, from the cache, or newly trained on fresh glyphs, which takes half a minute."""
    with torch.random.fork_rng(devices=[]):
        network = FactorNetwork()
    how = (VERSION, str(network), LEARNED, EPOCHS, BATCH_SIZE, LEARNING_RATE, torch.__version__)
    path = cache_path("factors", how, ".safetensors")
    try:
        network.load_state_dict(load_file(path))
    except Exception:  # not there, damaged, or of another version
        network = train_factor_network()
        keep_file(path, lambda partial: save_file(network.state_dict(), partial))
    return network.eval()


def train_factor_network() -> FactorNetwork:
    """Trains a new network on fresh glyphs."""
    learned = fresh_glyphs(LEARNED, DRAWS + 2)
    images, known = torch.from_numpy(learned.images), torch.from_numpy(known_factors(learned))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = FactorNetwork().train()
        network.mean.copy_(known.mean(dim=0))
        network.std.copy_(known.std(dim=0))
        steps = EPOCHS * len(images) // BATCH_SIZE
        optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
        rng = np.random.default_rng(0)
        order = np.concatenate([rng.permutation(len(images)) for _ in range(EPOCHS)])
        for step in tqdm(range(steps), desc="learning to infer factors", leave=False, disable=None):
            chosen = torch.from_numpy(order[step * BATCH_SIZE : (step + 1) * BATCH_SIZE])
            error = (network(images[chosen].float() / 255) - known[chosen]) / network.std
            optimiser.zero_grad()
            error.square().mean().backward()
            optimiser.step()
            schedule.step()
    return network


@torch.inference_mode()
def infer(network: FactorNetwork, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The factors of images [N, 1, 28, 28]: [N, factors]."""
    return torch.cat([network(batch) for batch in batches(images, 500, "factors")]).numpy()
