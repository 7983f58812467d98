"""Real images, made worse step by step in known ways, to see what each metric notices."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, grey_dilation, shift

from ca2_core.errors import UserError
from ca2_gan.data import Dataset
from ca2_gan.metrics.samples import Samples
from ca2_gan.metrics.suite import Suite

STEPS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
# Draws of untouched images that say how far a number moves by chance
UNTOUCHED = 8
# A metric notices what moves it by more standard deviations of these draws, of which there are few, than this
NOTICED = 5.0
# At full strength: standard deviation of the noise, in gray levels; and in shares of the side, that of the blur, the width by which strokes
# grow, the longest way that images are moved, the side of the hole
NOISE, BLUR, BOLD, MOVED, HOLE = 64, 1 / 14, 1 / 14, 1 / 7, 1 / 2
# Standard deviation of what near-duplicates differ by, in gray levels
NEARLY = 2


@dataclass(frozen=True)
class Pool:
    """What a corruption takes its images from.

    :param held_out: images that the reference does not have
    """

    held_out: Dataset
    train: Dataset
    n: int
    rng: Generator

    def draw(self, part: Dataset) -> Samples:
        """Images of it, none twice."""
        chosen = self.rng.permutation(len(part))[: self.n]
        return Samples("", part.images[chosen], part.labels[chosen])

    def pick(self, share: float) -> NDArray[np.intp]:
        """Positions of a share of n images, at least of one."""
        return self.rng.permutation(self.n)[: max(1, round(share * self.n))]


def noise(pool: Pool, strength: float) -> Samples:
    drawn = pool.draw(pool.held_out)
    noisy = drawn.images + pool.rng.normal(0, NOISE * strength, drawn.images.shape)
    return Samples("", noisy.round().clip(0, 255).astype(np.uint8), drawn.labels)


def blur(pool: Pool, strength: float) -> Samples:
    drawn = pool.draw(pool.held_out)
    sigma = BLUR * strength * drawn.images.shape[2]
    return Samples("", gaussian_filter(drawn.images, (0, 0, sigma, sigma)), drawn.labels)


def bold(pool: Pool, strength: float) -> Samples:
    """Strokes are wider."""
    drawn = pool.draw(pool.held_out)
    width = 2 * round(BOLD * drawn.images.shape[2]) + 1
    widest = grey_dilation(drawn.images, (1, 1, width, width))
    return Samples("", (drawn.images + strength * (widest.astype(np.float64) - drawn.images)).round().astype(np.uint8), drawn.labels)


def displaced(pool: Pool, strength: float) -> Samples:
    """Images are moved, by up to so many pixels, at least one; what comes in is background."""
    drawn = pool.draw(pool.held_out)
    most = max(1, round(MOVED * strength * drawn.images.shape[2]))
    moves = pool.rng.integers(-most, most + 1, (len(drawn), 2))
    images = [shift(image, (0, *move), order=0) for image, move in zip(drawn.images, moves, strict=True)]
    return Samples("", np.stack(images), drawn.labels)


def holed(pool: Pool, strength: float) -> Samples:
    """A square of each image is background."""
    drawn = pool.draw(pool.held_out)
    height, width = drawn.images.shape[2:]
    side = max(1, round(HOLE * strength * height))
    for image, y, x in zip(drawn.images, *(pool.rng.integers(0, each - side + 1, len(drawn)) for each in (height, width)), strict=True):
        image[:, y : y + side, x : x + side] = 0
    return drawn


def blended(pool: Pool, strength: float) -> Samples:
    """Another image shines through, at full strength as much as the image itself."""
    drawn, other = pool.draw(pool.held_out), pool.draw(pool.held_out)
    mixed = (1 - strength / 2) * drawn.images + strength / 2 * other.images
    return Samples("", mixed.round().astype(np.uint8), drawn.labels)


def dropped(pool: Pool, strength: float) -> Samples:
    """Up to half of the classes, at least one, are missing."""
    k = pool.held_out.num_classes
    gone = pool.rng.permutation(k)[: max(1, round(strength * k / 2))]
    return pool.draw(pool.held_out.subset(~np.isin(pool.held_out.labels, gone)))


def repeated(pool: Pool, strength: float) -> Samples:
    """A share of the images are one and the same."""
    drawn = pool.draw(pool.held_out)
    chosen = pool.pick(strength)
    drawn.images[chosen], labels = drawn.images[chosen[0]], drawn.labels
    assert labels is not None
    labels[chosen] = labels[chosen[0]]
    return drawn


def nearly_repeated(pool: Pool, strength: float) -> Samples:
    """In each class, a share of the images are one and the same but for a little noise."""
    drawn = pool.draw(pool.held_out)
    assert drawn.labels is not None
    chosen = pool.pick(strength)
    first = {label: int(np.flatnonzero(drawn.labels == label)[0]) for label in np.unique(drawn.labels)}
    same = drawn.images[[first[label] for label in drawn.labels[chosen]]]
    drawn.images[chosen] = (same + pool.rng.normal(0, NEARLY, same.shape)).round().clip(0, 255).astype(np.uint8)
    return drawn


def one_class_repeated(pool: Pool, strength: float) -> Samples:
    """In one class, a share of the images are one and the same."""
    drawn = pool.draw(pool.held_out)
    assert drawn.labels is not None
    members = np.flatnonzero(drawn.labels == drawn.labels[0])
    drawn.images[members[: max(2, round(strength * len(members)))]] = drawn.images[members[0]]
    return drawn


def copied(pool: Pool, strength: float) -> Samples:
    """A share of the images are training images."""
    drawn, training, chosen = pool.draw(pool.held_out), pool.draw(pool.train), pool.pick(strength)
    assert drawn.labels is not None
    assert training.labels is not None
    drawn.images[chosen], drawn.labels[chosen] = training.images[chosen], training.labels[chosen]
    return drawn


def mislabelled(pool: Pool, strength: float) -> Samples:
    """A share of the images are labelled as the class after theirs."""
    drawn, chosen = pool.draw(pool.held_out), pool.pick(strength)
    assert drawn.labels is not None
    drawn.labels[chosen] = (drawn.labels[chosen] + 1) % pool.held_out.num_classes
    return drawn


Corruption = Callable[[Pool, float], Samples]
CORRUPTIONS: dict[str, Corruption] = {
    "noise": noise,
    "blur": blur,
    "bold strokes": bold,
    "moved": displaced,
    "a hole": holed,
    "blended": blended,
    "classes dropped": dropped,
    "one image repeated": repeated,
    "nearly repeated": nearly_repeated,
    "one class repeated": one_class_repeated,
    "training images copied": copied,
    "labels wrong": mislabelled,
}


class Sweep:
    """Real images against real images, the candidates more and more corrupted.

    :param test: held-out split: n of its images are the reference, the others are corrupted
    :param names: of metrics
    :raises UserError: if there are too few images, also with half of the classes gone
    """

    def __init__(self, names: Sequence[str], train: Dataset, test: Dataset, n: int, seed: int = 0):
        if len(test) < 4 * n:
            raise UserError(f"{n:,} images on each side: the held-out split has {len(test):,}, but needs {4 * n:,}. Give a smaller --n.")
        order = np.random.default_rng(seed).permutation(len(test))
        self.n, self.seed, self.train, self.pool = n, seed, train, test.subset(order[n:])
        self.suite = Suite(names, train, test.subset(order[:n]), n, seed)

    def corrupt(self, name: str, strength: float) -> Samples:
        """Corrupted images, the same every time."""
        return CORRUPTIONS[name](Pool(self.pool, self.train, self.n, np.random.default_rng(self.seed)), strength)

    def untouched(self, draws: int = UNTOUCHED) -> Iterator[dict[str, float]]:
        """The numbers of real images, drawn several times."""
        for i in range(draws):
            yield self._scores(Pool(self.pool, self.train, self.n, np.random.default_rng((self.seed, i))).draw(self.pool))

    def run(self, strengths: Sequence[float] = STEPS) -> Iterator[dict[str, Any]]:
        """A record of every corruption at every strength."""
        for name in CORRUPTIONS:
            for strength in strengths:
                yield {"corruption": name, "strength": strength, "scores": self._scores(self.corrupt(name, strength))}

    def _scores(self, samples: Samples) -> dict[str, float]:
        """A number that can't be had, such as the mean over classes one of which is missing, is NaN."""
        return {key: np.nan if score.value is None else score.value for key, score in self.suite.scores(self.suite.view(samples)).items()}


def moved(score: float, untouched: Sequence[float], n: int) -> float:
    """By how many standard deviations a number has left those of untouched images; infinitely many if there is none any more.

    :param n: images; a share that is the same in all draws counts as uncertain by one image
    """
    if np.isnan(score):
        return np.inf
    return float((score - np.mean(untouched)) / (np.std(untouched, ddof=1) or 1 / n))
