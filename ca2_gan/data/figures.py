"""The pictures of ``ca2-gan explore``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ca2_gan.augment import augmentation
from ca2_gan.data.attributes import FEW, Attribute, attributes_of
from ca2_gan.data.dataset import Dataset
from ca2_gan.data.embedding import Embedding
from ca2_gan.drawing import GAP, encode, grid, render, show, strips
from ca2_gan.folders import plain_name
from ca2_gan.gan import to_uint8

PER_CLASS = 16
# Noise of both kinds at several strengths, and DiffAugment
AUGMENTED = ("noise:0.1", "noise:0.3", "noise:0.6", "salt-pepper:0.05", "salt-pepper:0.1", "salt-pepper:0.2", "diffaugment")
AUGMENTED_IMAGES = 12


@dataclass(frozen=True)
class Picture:
    """A PNG with its file name (without suffix), a title and a sentence."""

    name: str
    title: str
    text: str
    png: bytes


def draw_all(dataset: Dataset, embedding: Embedding | None, seed: int) -> list[Picture]:
    """Draws all pictures for which there are data."""
    rng = np.random.default_rng(seed)
    pictures = [samples(dataset, rng)]
    if dataset.report.transposed:
        pictures.append(orientation(dataset, rng))
    pictures += [counts(dataset), averages(dataset), pixels(dataset)]
    pictures += attribute_pictures(dataset)
    if embedding is not None:
        pictures.append(tsne(dataset, embedding))
    if dataset.report.duplicates:
        pictures.append(duplicates(dataset))
    pictures.append(augmentations(dataset, rng))
    return pictures


def samples(dataset: Dataset, rng: np.random.Generator) -> Picture:
    """A row of images of each class, drawn at random."""
    height, width = dataset.image_shape[1:]
    figure, panel = _panel(0.3 + PER_CLASS * 0.5, 0.4 + dataset.num_classes * 0.5 * height / width)
    rows = np.zeros((dataset.num_classes, PER_CLASS, *dataset.image_shape), dtype=np.uint8)
    for label, row in enumerate(rows):
        chosen = rng.permutation(np.flatnonzero(dataset.labels == label))[:PER_CLASS]
        row[: len(chosen)] = dataset.images[chosen]
    show(panel, grid(rows.reshape(-1, *dataset.image_shape), PER_CLASS))
    for label, name in enumerate(dataset.class_names):
        panel.text(-2 * GAP, (label + 0.5) * (height + GAP), name, ha="right", va="center")
    return Picture("samples", "Samples", f"{PER_CLASS} images of each class, drawn at random, after cleaning.", render(figure))


def orientation(dataset: Dataset, rng: np.random.Generator) -> Picture:
    """The same images as in the file and as they are now."""
    upright = dataset.images[np.sort(rng.permutation(len(dataset))[:PER_CLASS])]
    both = np.concatenate([upright.swapaxes(2, 3), upright])
    text = "Above as in the file, below after swapping rows and columns."
    return Picture("orientation", "Orientation", text, encode(grid(both, PER_CLASS), 2))


def counts(dataset: Dataset) -> Picture:
    """Images per class, and what was dropped."""
    report = dataset.report
    names, values = [*dataset.class_names], [*report.counts]
    dropped = report.blanks + report.unlabelled
    if dropped:
        names, values = [*names, "dropped"], [*values, dropped]
    figure, panel = _panel(8, 3.2)
    bars = panel.bar(range(len(names)), values, color=["tab:blue"] * dataset.num_classes + ["0.6"] * bool(dropped))
    panel.set_xticks(range(len(names)), names, rotation=0 if max(map(len, dataset.class_names)) < 4 or len(names) < 12 else 60)
    if len(names) < 30:
        panel.bar_label(bars, fmt="{:,.0f}", fontsize=7)
    panel.set_ylabel("images")
    text = "Images of each class" + (f", and {dropped:,} that are blank or labelled -1." if dropped else ".")
    return Picture("counts", "Count per label", text, render(figure))


def attribute_pictures(dataset: Dataset) -> list[Picture]:
    """Draws the attributes: one picture for all that are numbers, one for each of the others."""
    found = list(attributes_of(dataset.attributes))
    numbers, others = [each for each in found if each.is_number], [each for each in found if not each.is_number]
    pictures = [many_values(each) if len(each.names) > FEW else mix(dataset, each) for each in others]
    return pictures + ([number_histograms(numbers)] if numbers else [])


def mix(dataset: Dataset, attribute: Attribute) -> Picture:
    """Share of each attribute value in each class."""
    figure, panel = _panel(8, 3)
    shares = np.zeros((len(attribute.names), dataset.num_classes))
    np.add.at(shares, (attribute.groups, dataset.labels), 1)
    shares /= shares.sum(axis=0)
    bottoms = shares.cumsum(axis=0) - shares
    colors = mpl.colormaps["cividis"](np.linspace(0.15, 0.85, len(shares)))
    for name, share, bottom, color in zip(attribute.names, shares, bottoms, colors, strict=True):
        panel.bar(range(dataset.num_classes), share, bottom=bottom, color=color, label=name)
    panel.set_xticks(range(dataset.num_classes), dataset.class_names)
    panel.set_ylabel("share of the class")
    figure.legend(loc="outside right upper", title=attribute.name, frameon=False)
    return _of_attribute(attribute, f"Shares in each class. In all: {attribute.text}.", figure)


def many_values(attribute: Attribute) -> Picture:
    """How many images have each value."""
    figure, panel = _panel(8, 3)
    counts = np.sort(np.bincount(attribute.groups, minlength=len(attribute.names)))[::-1]
    panel.bar(np.arange(1, len(counts) + 1), counts, width=1, color="tab:blue")
    panel.set(xlabel=f"values of {attribute.name}, the most frequent first", ylabel="images")
    return _of_attribute(attribute, f"Images of each value: {attribute.text}.", figure)


def number_histograms(attributes: Sequence[Attribute]) -> Picture:
    """Histograms of attributes that are numbers."""
    columns = min(len(attributes), 4)
    rows = -(-len(attributes) // columns)
    figure = Figure(figsize=(2.3 * columns, 1.9 * rows), layout="constrained")
    for panel in (panels := figure.subplots(rows, columns, squeeze=False)).flat:
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.set_yticks([])
    for panel, attribute in zip(panels.flat, attributes, strict=False):
        panel.hist(attribute.values, bins=40, color="tab:blue")
        panel.set_title(attribute.name, fontsize=10)
    for panel in panels.flat[len(attributes) :]:
        panel.set_axis_off()
    return Picture("attribute-numbers", "Attributes: numbers", "How often each value occurs.", render(figure))


def _of_attribute(attribute: Attribute, text: str, figure: Figure) -> Picture:
    return Picture(f"attribute-{plain_name(attribute.name)}", f"Attribute: {attribute.name}", text, render(figure))


def averages(dataset: Dataset) -> Picture:
    """Mean image of each class."""
    means = [dataset.images[dataset.labels == label].mean(axis=0) for label in range(dataset.num_classes)]
    text = "Sharp where the images of a class agree; blurred where capitals, lower case or handwritings differ."
    return Picture("averages", "Average image of each class", text, _titled(means, dataset.class_names, min(dataset.num_classes, 13)))


def pixels(dataset: Dataset) -> Picture:
    """How often each of the 256 values occurs."""
    histogram = pixel_counts(dataset.images)
    share = histogram / histogram.sum()
    figure, panel = _panel(8, 3)
    panel.bar(np.arange(256), share, width=1, color="tab:blue")
    panel.set_yscale("log")
    panel.set(xlabel="pixel value", ylabel="share of the pixels")
    text = f"{share[0]:.1%} of the pixels are 0, {share[255]:.1%} are 255; their mean is {float(share @ np.arange(256)):.1f}."
    return Picture("pixels", "Pixel histogram", text, render(figure))


def pixel_counts(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number of pixels of each value, [256]; a part at a time, so that no wider copy of all images is made."""
    parts = (np.bincount(images[i : i + 16_384].reshape(-1), minlength=256) for i in range(0, len(images), 16_384))
    counts: NDArray[np.int64] = np.sum(list(parts), axis=0, dtype=np.int64)
    return counts


def tsne(dataset: Dataset, embedding: Embedding) -> Picture:
    """Points coloured by class, each class named where most of it is."""
    figure, panel = _panel(8, 7)
    colors = mpl.colormaps["gist_rainbow"](np.linspace(0, 1, dataset.num_classes, endpoint=False))
    box = {"boxstyle": "round,pad=0.2", "fc": "w", "alpha": 0.8}
    for label, name in enumerate(dataset.class_names):
        points = embedding.points[embedding.labels == label]
        if len(points):
            panel.scatter(points[:, 0], points[:, 1], s=7, color=colors[label], linewidths=0)
            panel.annotate(name, _densest(points), weight="bold", ha="center", va="center", bbox=box)
    panel.set_axis_off()
    text = (
        f"{len(embedding.labels):,} images, t-SNE on the first principal components of their pixels. The nearest neighbour of "
        f"{embedding.neighbours:.0%} of the points is of their own class (chance: about {1 / dataset.num_classes:.0%})."
    )
    return Picture("tsne", "t-SNE", text, render(figure))


def _densest(points: NDArray[np.float32]) -> tuple[float, float]:
    """The point whose nearest third of all points is closest on average."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    x, y = points[np.sort(distances, axis=1)[:, : len(points) // 3 + 1].mean(axis=1).argmin()]
    return float(x), float(y)


def duplicates(dataset: Dataset) -> Picture:
    """The first pairs of equal images under their labels."""
    order = np.argsort(dataset.digests, kind="stable")
    copies = np.flatnonzero(dataset.digests[order][1:] == dataset.digests[order][:-1])[:PER_CLASS]
    pairs = np.concatenate([order[copies], order[copies + 1]])
    png = _titled(dataset.images[pairs], [dataset.class_names[label] for label in dataset.labels[pairs]], len(copies))
    text = f"{dataset.report.duplicates:,} exact copies, {dataset.report.conflicting:,} under another label; the first pairs."
    return Picture("duplicates", "Duplicates", text, png)


def augmentations(dataset: Dataset, rng: np.random.Generator) -> Picture:
    """The same images in every row, each row with another augmentation."""
    chosen = dataset.images[np.sort(rng.permutation(len(dataset))[:AUGMENTED_IMAGES])]
    batch, rows = torch.from_numpy(chosen).float() / 127.5 - 1, {"as they are": chosen}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        rows |= {step: to_uint8(augmentation([step])(batch)).numpy() for step in AUGMENTED}
    figure = strips({title: grid(row, len(row)) for title, row in rows.items()}, 8, 0.85)
    text = "noise: standard deviation of Gaussian noise, in units of half the pixel range. salt-pepper: share of changed pixels."
    return Picture("augmentations", "Augmentations", text, render(figure))


def _panel(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one panel; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    panel = figure.subplots()
    panel.spines[["top", "right"]].set_visible(False)
    return figure, panel


def _titled(images: Sequence[NDArray[Any]], titles: Sequence[str], columns: int) -> bytes:
    """Images [C, H, W] in rows, each with a title."""
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(columns * 0.8, rows), layout="constrained")
    for panel in (panels := figure.subplots(rows, columns, squeeze=False)).flat:
        panel.set_axis_off()
    for panel, image, title in zip(panels.flat, images, titles, strict=False):
        show(panel, image.transpose(1, 2, 0))
        panel.set_title(title, fontsize=9)
    return render(figure)
