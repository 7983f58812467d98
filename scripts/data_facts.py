"""What the data sets are like: writes docs/gan/data.json and pictures of the glyphs.

    python scripts/data_facts.py glyphs mnist emnist-a-m=FILE && python scripts/tables.py

A data set is what ``--data`` of ``ca2-gan`` takes, or a name for the docs, "=", and that.
"""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
from publishing import DOCS, IMAGES, as_command, parser, save

from ca2_gan.data import figures, load
from ca2_gan.data.embedding import embed
from ca2_gan.drawing import write
from ca2_gan.versions import versions

PICTURED = "glyphs"  # drawn by the package itself: nobody else's pictures
IN_TSNE = 2_000


def facts(source: str) -> dict[str, Any]:
    """What cleaning did, how the split fell, and how much the classes overlap.

    :raises UserError: if the data can't be read
    """
    data = load(source)
    train, held_out = data.split()
    pixels = figures.pixel_counts(data.images)
    report = data.report
    return {
        "fingerprint": data.fingerprint,
        "rows": report.rows,
        "blanks": report.blanks,
        "duplicates": report.duplicates,
        "conflicting": report.conflicting,
        "transposed": report.transposed,
        "image_shape": list(report.image_shape),
        "counts": dict(zip(report.class_names, report.counts, strict=True)),
        "training_images": len(train),
        "held_out_images": len(held_out),
        "black": float(f"{pixels[0] / pixels.sum():.4g}"),
        "mean": float(f"{pixels @ np.arange(256) / pixels.sum():.4g}"),
        "same_class_neighbours": float(f"{embed(data, IN_TSNE).neighbours:.4g}"),
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("data", nargs="+", metavar="[NAME=]DATA")
    given = [(name, source or name) for name, _, source in (text.partition("=") for text in options.parse_args().data)]
    shown = [name if name == source else f"{name}={Path(source).name}" for name, source in given]
    content = {
        "command": shlex.join(["python", "scripts/data_facts.py", *shown]),
        "versions": versions(),
        "in_tsne": IN_TSNE,
        "data": {name: facts(source) for name, source in given},
    }
    save(content, DOCS / "gan" / "data.json")
    glyphs = load(PICTURED)
    for picture in (figures.samples(glyphs, np.random.default_rng(0)), figures.averages(glyphs)):
        write(IMAGES / f"data-{PICTURED}-{picture.name}.png", picture.png)


if __name__ == "__main__":
    as_command(main)
