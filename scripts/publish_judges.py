"""Puts the judges of data sets that everyone can have into the package: ``python scripts/publish_judges.py mnist glyphs``.

A judge that is there already stays: published numbers are by it.
"""

import argparse
from pathlib import Path

from safetensors.torch import save_file

from ca2_core.files import whole_file
from ca2_gan.data import load
from ca2_gan.data.downloads import DOWNLOADED
from ca2_gan.judges import FOLDER
from ca2_gan.metrics.classifier import JUDGES, trained_on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", metavar="DATA", help="what `ca2-gan train --data` takes by name")
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="where the files of downloaded data are or go")
    arguments = parser.parse_args()
    for name in arguments.data:
        train, held_out = load(name, root=arguments.root if name in DOWNLOADED else None).split()
        for judge, recipe in JUDGES.items():
            classifier = trained_on(train, recipe)
            path = FOLDER / f"{name}-{train.fingerprint}-{recipe.seed}.safetensors"
            if not path.is_file():
                with whole_file(path) as partial:
                    save_file(classifier.network.state_dict(), partial)
            accuracy = (classifier.see(held_out.images).classes == held_out.labels).mean()
            print(f"{path.name}: {judge} judge, {classifier.fingerprint}, {accuracy:.2%} of the held-out images")


if __name__ == "__main__":
    main()
