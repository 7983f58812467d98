"""The file of letters that students get for the exercise ``data``, with all the faults that such a file can have."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ca2_gan.data.glyphs import draw_glyphs

JUNK, JUNK_LABEL = 12, -1  # rows, each of one grey level
EMPTY, EMPTY_GREY = 5, 200  # images of one grey level among the letters
COPIES = 40

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Letters:
    """The content of a file.

    :param images: letters, upright and in the order of the file, uint8 [N, 28, 28]
    :param labels: labels of the letters, A is 0, int64 [N]
    :param upper: which of them are capitals, bool [N]
    :param rows: all rows, junk included: the label, A is 1, then the pixels column by column, [rows, 785]
    """

    images: Bytes
    labels: NDArray[np.int64]
    upper: NDArray[np.bool_]
    rows: NDArray[np.int64]


def draw_letters(n: int = 520, seed: int = 0) -> Letters:
    """Letters of both cases, sorted by class, some of them copies, with junk between them.

    :param n: number of letters, copies included; over 40
    :param seed: seed of the letters
    """
    images, labels, hand = draw_glyphs(n - COPIES, seed)
    chosen = np.random.default_rng([seed, 2]).choice(n - COPIES, COPIES, replace=False)
    order = np.concatenate([np.arange(n - COPIES), chosen])
    order = order[np.argsort(labels[order], kind="stable")]
    images, labels, upper = images[order], labels[order], hand["upper"][order]
    pixels = images.swapaxes(1, 2).reshape(n, -1).astype(np.int64)
    letters = np.concatenate([labels[:, None] + 1, pixels], axis=1)
    rng = np.random.default_rng([seed, 3])
    places = np.sort(rng.choice(np.arange(1, n), JUNK + EMPTY, replace=False))  # a letter comes first
    junk = np.full((JUNK + EMPTY, letters.shape[1]), EMPTY_GREY)
    is_empty = rng.permutation(JUNK + EMPTY) < EMPTY
    junk[~is_empty] = rng.integers(0, EMPTY_GREY, size=(JUNK, 1))
    junk[:, 0] = np.where(is_empty, letters[places, 0], JUNK_LABEL)
    return Letters(images, labels, upper, np.insert(letters, places, junk, axis=0))


def write_letters(path: str | Path, n: int = 2600, seed: int = 0) -> None:
    """Writes a CSV without a header.

    :param n: number of letters, copies included; over 40
    :param seed: seed of the letters
    """
    np.savetxt(path, draw_letters(n, seed).rows, fmt="%d", delimiter=",")
