"""``ca2-gan explore``: describes a data set before anything is trained."""

import json
import shlex
import sys
from pathlib import Path

from ca2_core.arguments import Parser, at_least, seed
from ca2_gan.data.arguments import add_data_arguments, load_data
from ca2_gan.data.attributes import attributes_of
from ca2_gan.drawing import write
from ca2_gan.folders import make_folder
from ca2_gan.page import Section, facts, image, page, paragraph

# Fewer images give a t-SNE without structure
LEAST_FOR_TSNE = 50


def main(argv: list[str]) -> None:
    """``ca2-gan explore``."""
    parser = Parser(
        prog="ca2-gan explore",
        description="Reads and cleans a data set, reports what it dropped and changed, and draws samples, count per label, average "
        "image per class, pixel histogram, t-SNE, duplicates, augmentations. Writes PNGs, explore.json and a "
        "self-contained page, index.html.",
    )
    add_data_arguments(parser)
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="folder to write to (default: explore-NAME)")
    parser.add_argument("--seed", type=seed, default=0, help="seed of the choice of images and of t-SNE (default: 0)")
    tsne = "images in the t-SNE; 0 leaves it out (default: 2000)"
    parser.add_argument("--tsne-images", type=at_least(LEAST_FOR_TSNE, also=(0,)), default=2000, metavar="N", help=tsne)
    arguments = parser.parse_args(argv)
    from ca2_gan.data import embedding, figures  # noqa: PLC0415  (they load torch, which takes seconds, and --help should not)

    dataset = load_data(arguments)
    rows = dataset.report.lines()
    for name, text in rows:
        print(f"{name:<12} {text}")
    counts = zip(dataset.class_names, dataset.report.counts, strict=True)
    print(f"{'per class':<12} " + ", ".join(f"{name} {count:,}" for name, count in counts))

    described = {attribute.name: attribute.text for attribute in attributes_of(dataset.attributes)}
    for name, text in described.items():
        print(f"{'attribute':<12} {name}: {text}")

    folder = arguments.out or Path(f"explore-{Path(arguments.data).name.split('.')[0]}")
    make_folder(folder)
    has_tsne = arguments.tsne_images and len(dataset) >= LEAST_FOR_TSNE
    points = embedding.embed(dataset, arguments.tsne_images, arguments.seed) if has_tsne else None
    pictures = figures.draw_all(dataset, points, arguments.seed)
    for picture in pictures:
        write(folder / f"{picture.name}.png", picture.png)
    content = {
        "command": shlex.join(["ca2-gan", *sys.argv[1:]]),
        "fingerprint": dataset.fingerprint,
        **dataset.report.as_dict(),
        "attributes": described,
        "tsne": points and {"images": len(points.labels), "seed": arguments.seed, "same_class_neighbours": points.neighbours},
    }
    write(folder / "explore.json", json.dumps(content, indent=2) + "\n")
    sections = [Section("What was read", facts(rows))]
    sections += [Section(picture.title, paragraph(picture.text) + image(picture.png, picture.title)) for picture in pictures]
    write(folder / "index.html", page(f"{arguments.data}: {len(dataset):,} images, {dataset.num_classes} classes", sections))
    print(f"Written to {folder}: index.html, explore.json and {len(pictures)} pictures")
