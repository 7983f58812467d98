"""``ca2-gan explore``: what a data set is like, before anything is learned."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_gan.arguments import Parser
from ca2_gan.data import figures
from ca2_gan.data.arguments import add_data_arguments, load_data
from ca2_gan.data.dataset import Dataset
from ca2_gan.drawing import write
from ca2_gan.folders import make_folder
from ca2_gan.page import Section, facts, image, page, paragraph

COMPONENTS = 50
PERPLEXITY = 30.0
# Fewer images than this give a picture of nothing
LEAST_FOR_TSNE = 50


@dataclass(frozen=True)
class Embedding:
    """Images as points of a plane.

    :param points: float32 [n, 2]
    :param labels: int64 [n]
    :param neighbours: share of the points whose nearest neighbour in the plane is of their own class
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    neighbours: float


def embed(dataset: Dataset, most: int, seed: int = 0) -> Embedding:
    """t-SNE (van der Maaten & Hinton 2008) of a random choice of images, on their first 50 principal components.

    :param most: number of images, at least 50
    """
    from sklearn.decomposition import PCA  # type: ignore[import-untyped]  # noqa: PLC0415  (takes a second to import, and --help should not)
    from sklearn.manifold import TSNE  # type: ignore[import-untyped]  # noqa: PLC0415
    from sklearn.neighbors import NearestNeighbors  # type: ignore[import-untyped]  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(dataset))[:most])
    pixels = dataset.images[chosen].reshape(len(chosen), -1).astype(np.float32) / 255
    components = PCA(min(COMPONENTS, *pixels.shape), random_state=seed).fit_transform(pixels)
    perplexity = min(PERPLEXITY, (len(chosen) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(components)
    labels = dataset.labels[chosen]
    nearest = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(points, return_distance=False)[:, 1]
    return Embedding(points, labels, float((labels[nearest] == labels).mean()))


def main(argv: list[str]) -> None:
    """``ca2-gan explore``."""
    parser = Parser(
        prog="ca2-gan explore",
        description="Reads and cleans a data set, says what it dropped and changed, and draws it: samples, count per label, average "
        "image per class, pixel histogram, t-SNE, duplicates, augmentations. Writes PNGs, explore.json and one page, index.html, "
        "that needs none of them.",
    )
    add_data_arguments(parser)
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="where to write (default: explore-NAME)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of images and of t-SNE (default: 0)")
    parser.add_argument("--tsne-images", type=int, default=2000, metavar="N", help="images in the t-SNE; 0 leaves it out (default: 2000)")
    arguments = parser.parse_args(argv)
    if arguments.tsne_images and arguments.tsne_images < LEAST_FOR_TSNE:
        raise UserError(f"--tsne-images {arguments.tsne_images}: at least {LEAST_FOR_TSNE}, or 0 for none.")
    dataset = load_data(arguments)
    rows = dataset.report.lines()
    for name, text in rows:
        print(f"{name:<12} {text}")
    counts = zip(dataset.class_names, dataset.report.counts, strict=True)
    print(f"{'per class':<12} " + ", ".join(f"{name} {count:,}" for name, count in counts))

    folder = arguments.out or Path(f"explore-{Path(arguments.data).name.split('.')[0]}")
    make_folder(folder)
    has_tsne = arguments.tsne_images and len(dataset) >= LEAST_FOR_TSNE
    embedding = embed(dataset, arguments.tsne_images, arguments.seed) if has_tsne else None
    pictures = figures.draw_all(dataset, embedding, arguments.seed)
    for picture in pictures:
        write(folder / f"{picture.name}.png", picture.png)
    content = {
        "command": shlex.join(["ca2-gan", *sys.argv[1:]]),
        "fingerprint": dataset.fingerprint,
        **dataset.report.as_dict(),
        "tsne": embedding and {"images": len(embedding.labels), "seed": arguments.seed, "same_class_neighbours": embedding.neighbours},
    }
    write(folder / "explore.json", json.dumps(content, indent=2) + "\n")
    sections = [Section("What was read", facts(rows))]
    sections += [Section(picture.title, paragraph(picture.text) + image(picture.png, picture.title)) for picture in pictures]
    write(folder / "index.html", page(f"{arguments.data}: {len(dataset):,} images, {dataset.num_classes} classes", sections))
    print(f"Written to {folder}: index.html, explore.json and {len(pictures)} pictures")
