"""Handwriting-like letters without a file: Hershey's single-stroke fonts under random slant, scale, pen and warp.

Each stroke is a chain of segments whose ends are moved. A pixel's ink is a function of its distance to the nearest segment, so nothing
is drawn large and scaled down, and 20,000 images take seconds.
"""

from functools import cache
from itertools import pairwise
from pathlib import Path
from string import ascii_letters, ascii_uppercase, digits
from typing import Any

import numpy as np
from HersheyFonts import HersheyFonts  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.data.raw import Raw
from ca2_gan.registry import datasets

DEFAULT_SIZE = 20_000
SIDE = 28
# Images that share a random generator; so a smaller set is the beginning of a larger one
BLOCK = 1_024
# Images rendered at once, few enough for the CPU's cache
CHUNK = 16
# Longest segment in font units (a capital is 21 high): short enough to bend
SEGMENT = 3.0
FONTS = {"print": "futural", "script": "scripts"}
# Script capitals that readers of print would not recognise
UNREADABLE = "FGHIJKQSTXZ"
SHARES = {"upper": {"print": 0.9, "script": 0.1}, "lower": {"print": 0.6, "script": 0.4}}

Floats = NDArray[np.float32]


# A letter in font units, y down: both ends of each segment, [S, 2, 2], and the number of its stroke, [S]
Template = tuple[Floats, NDArray[np.intp]]


@datasets.register("glyphs")
def glyphs(root: Path | None = None, seed: int = 0, size: int = DEFAULT_SIZE) -> Raw:
    """26 letters in both cases, drawn by this package: 20,000 images of 28x28, or ``size`` of them."""
    if root is not None:
        raise UserError("glyphs are drawn, not read: --root has no meaning for them.")
    if size < 1:
        raise UserError(f"glyphs: {size} images asked for; at least one is needed.")
    images, labels, hands = draw_glyphs(size, seed)
    return Raw(f"glyphs (seed {seed})", images[:, None], labels, dict(enumerate(ascii_uppercase)), attributes=hands)


def draw_glyphs(n: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Draws the letters A to Z in turn, in random case and handwriting.

    :return: images uint8 [n, 28, 28], white on black; labels int64 [n] in 0..25; and the factors of each image by name, [n] each:
        ``upper``, ``script`` (bool), ``slant``, ``turn`` (radians), ``stretch`` (log of the width), ``bend`` (pixels), ``side`` (pixels),
        ``pen`` (radius, pixels), ``softness`` (pixels), ``pressure`` (factor on the ink, from 1 to 1.3)
    """
    labels = np.arange(n, dtype=np.int64) % 26
    images = np.empty((n, SIDE, SIDE), dtype=np.uint8)
    hands: list[dict[str, NDArray[Any]]] = []
    for block, first in enumerate(range(0, n, BLOCK)):
        chosen = np.arange(first, first + BLOCK) % 26  # the last block is drawn whole, too, so that its images don't depend on n
        drawn, hand = _draw_block(chosen, np.random.default_rng([seed, block]))
        images[first : first + BLOCK] = drawn[: n - first]
        hands.append(hand)
    return images, labels, {name: np.concatenate([hand[name] for hand in hands])[:n] for name in hands[0]}


@cache
def templates() -> dict[tuple[str, str, str], Template]:
    """The segments of every letter, by letter, case and hand."""
    result = {}
    for hand in FONTS:
        hershey = _font(hand)
        for letter in ascii_uppercase:
            result[letter, "lower", hand] = _template(hershey, letter.lower())
            if hand == "print" or letter not in UNREADABLE:
                result[letter, "upper", hand] = _template(hershey, letter)
    return result


def pen_strokes(character: str) -> int | None:
    """Number of strokes of a letter or digit in Hershey's plain font; None for anything else."""
    if len(character) != 1 or character not in ascii_letters + digits:
        return None
    return len(list(_font("print").strokes_for_text(character)))


@cache
def _font(hand: str) -> HersheyFonts:
    hershey = HersheyFonts()
    hershey.load_default_font(FONTS[hand])
    return hershey


def _template(hershey: HersheyFonts, character: str) -> Template:
    ends, strokes = [], []
    for number, points in enumerate(hershey.strokes_for_text(character)):
        chain = np.array(points, dtype=np.float32)
        for start, end in pairwise(chain):
            pieces = max(1, int(np.ceil(np.linalg.norm(end - start) / SEGMENT)))
            nodes = start + np.linspace(0, 1, pieces + 1, dtype=np.float32)[:, None] * (end - start)
            ends += list(np.stack([nodes[:-1], nodes[1:]], axis=1))
            strokes += [number] * pieces
    return np.stack(ends), np.array(strokes)


def _draw_block(labels: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]:
    """Images of a block of letters, [N, 28, 28], and the factors of each."""
    upper, script = _choose_forms(labels, rng)
    chosen = [_template_of(*form) for form in zip(labels, upper, script, strict=True)]
    lengths = np.array([len(strokes) for _, strokes in chosen])
    # Padded with copies of the last segment, which add no ink
    index = np.minimum(np.arange(lengths.max()), lengths[:, None] - 1)
    ends = np.stack([ends[i] for (ends, _), i in zip(chosen, index, strict=True)])  # [N, S, 2, 2]
    strokes = np.stack([strokes[i] for (_, strokes), i in zip(chosen, index, strict=True)])  # [N, S]
    loose = _loosen(ends, strokes, rng)
    bent = _warp(loose, rng)
    slanted, how = _slant(bent, rng)
    ends, side, scale = _fit(slanted, rng)

    n = len(labels)
    radius = rng.uniform(0.7, 1.75, n).astype(np.float32)
    softness = rng.uniform(1.4, 3.0, n).astype(np.float32)
    pressure = rng.uniform(1.0, 1.3, n).astype(np.float32)
    images = np.empty((n, SIDE, SIDE), dtype=np.uint8)
    order = np.argsort(lengths, kind="stable")  # letters of few segments together: less padding
    for i in range(0, n, CHUNK):
        part = order[i : i + CHUNK]
        distance = _distance(ends[part, : lengths[part].max()])
        ink = ((radius[part, None, None] - distance) / softness[part, None, None] + 0.5).clip(0, 1)
        ink = ink * ink * (3 - 2 * ink)  # smooth at either end
        images[part] = np.rint(255 * (pressure[part, None, None] * ink).clip(max=1))
    bend = np.sqrt(((bent - loose) ** 2).sum(axis=3).mean(axis=(1, 2))) * scale
    hand = {"upper": upper, "script": script, **how, "bend": bend, "side": side, "pen": radius, "softness": softness, "pressure": pressure}
    return images, hand


def _choose_forms(labels: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which letters are capitals, and which are in script: [N] each."""
    upper = rng.random(len(labels)) < 0.5
    chance = rng.random(len(labels))
    readable = ~upper | ~np.isin(labels, [ascii_uppercase.index(letter) for letter in UNREADABLE])
    script = (chance < np.where(upper, SHARES["upper"]["script"], SHARES["lower"]["script"])) & readable
    return upper, script


def _template_of(label: int, upper: bool, script: bool) -> Template:
    return templates()[ascii_uppercase[label], "upper" if upper else "lower", "script" if script else "print"]


def _loosen(ends: Floats, strokes: NDArray[np.intp], rng: np.random.Generator) -> Floats:
    """Shifts and scales each stroke a little, as if the pen were put down again."""
    n, most = len(ends), int(strokes.max()) + 1
    shift = rng.normal(0, 0.7, (n, most, 2)).astype(np.float32)
    scale = rng.normal(1, 0.05, (n, most, 2)).astype(np.float32)
    rows = np.arange(n)[:, None]
    return ends * scale[rows, strokes][:, :, None] + shift[rows, strokes][:, :, None]


def _warp(ends: Floats, rng: np.random.Generator) -> Floats:
    """Bends letters: points move by a sum of slow waves, so that joined segments stay joined."""
    n, waves = len(ends), 4
    wave = rng.normal(0, 0.16, (n, waves, 2)).astype(np.float32)  # radians per font unit
    phase = rng.uniform(0, 2 * np.pi, (n, waves)).astype(np.float32)
    height = rng.normal(0, 0.75, (n, waves, 2)).astype(np.float32)
    angles = np.einsum("nsec,nwc->nsew", ends, wave) + phase[:, None, None]
    moves: Floats = np.einsum("nsew,nwc->nsec", np.sin(angles), height)
    return ends + moves


def _slant(ends: Floats, rng: np.random.Generator) -> tuple[Floats, dict[str, Floats]]:
    """Slants, turns and stretches letters; returns also slant, turn and stretch, [N] each."""
    n = len(ends)
    slant, turn, stretch = rng.normal(-0.12, 0.18, n), rng.normal(0, 0.09, n), rng.normal(0, 0.13, n)
    cos, sin = np.cos(turn), np.sin(turn)
    shear = np.stack([np.stack([np.exp(stretch), slant], 1), np.stack([np.zeros(n), np.ones(n)], 1)], 1)
    rotation = np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)
    turned: Floats = np.einsum("nij,nsej->nsei", (rotation @ shear).astype(np.float32), ends)
    return turned, {"slant": slant.astype(np.float32), "turn": turn.astype(np.float32), "stretch": stretch.astype(np.float32)}


def _fit(ends: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Fits letters into the image as EMNIST does: a letter's longer side fills the box, its middle is about that of the image.

    :return: the segments, the longer side in pixels and pixels per font unit, [N] each
    """
    n = len(ends)
    low, high = ends.min(axis=(1, 2)), ends.max(axis=(1, 2))
    size = rng.uniform(17, 21.5, n).astype(np.float32)
    centre = ((SIDE - 1) / 2 + rng.normal(0, 0.5, (n, 2))).astype(np.float32)
    scale = size / (high - low).max(axis=1)
    fitted: Floats = (ends - ((low + high) / 2)[:, None, None]) * scale[:, None, None, None] + centre[:, None, None]
    return fitted, size, scale


def _distance(ends: Floats) -> Floats:
    """Distance from each pixel to the nearest of S segments: [N, S, 2, 2] -> [N, 28, 28]."""
    pixels = np.arange(SIDE, dtype=np.float32)
    start = ends[:, :, 0]
    along = ends[:, :, 1] - start
    length2 = np.maximum((along**2).sum(axis=2), 1e-6)[:, :, None, None]
    x = (pixels - start[:, :, 0, None])[:, :, None, :]  # [N, S, 1, 28]
    y = (pixels - start[:, :, 1, None])[:, :, :, None]  # [N, S, 28, 1]
    dot = x * along[:, :, 0, None, None] + y * along[:, :, 1, None, None]  # [N, S, 28, 28]
    share = np.clip(dot / length2, 0, 1)  # position of the nearest point along the segment
    # |p - share along|^2, p from the segment's start
    squared = (share * length2 - 2 * dot) * share
    squared += x * x + y * y
    nearest: Floats = squared.min(axis=1)
    return np.sqrt(np.maximum(nearest, 0))
