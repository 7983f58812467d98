"""Puts the reference classifiers of data that everyone can have into the package: ``python scripts/publish_classifiers.py mnist glyphs``.

One that is there already stays: published numbers are by it.
"""

from pathlib import Path

from publishing import parser
from safetensors.torch import save_file

from ca2_core.files import whole_file
from ca2_gan.data import load
from ca2_gan.data.downloads import DOWNLOADED
from ca2_gan.metrics.classifier import CLASSIFIERS, reference_classifier
from ca2_gan.reference_classifiers import FOLDER


def main() -> None:
    options = parser(__doc__)
    options.add_argument("data", nargs="+", metavar="DATA", help="what `ca2-gan train --data` takes by name")
    options.add_argument("--root", type=Path, metavar="FOLDER", help="where the files of downloaded data are or go")
    arguments = options.parse_args()
    for name in arguments.data:
        data = load(name, root=arguments.root if name in DOWNLOADED else None)
        for which, recipe in CLASSIFIERS.items():
            classifier = reference_classifier(data.train, recipe)
            path = FOLDER / f"{name}-{data.train.fingerprint}-{recipe.seed}.safetensors"
            if not path.is_file():
                with whole_file(path) as partial:
                    save_file(classifier.network.state_dict(), partial)
            accuracy = (classifier.see(data.test.images).classes == data.test.labels).mean()
            print(f"{path.name}: {which} classifier, {classifier.fingerprint}, {accuracy:.2%} of the held-out images")


if __name__ == "__main__":
    main()
