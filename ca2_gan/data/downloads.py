"""EMNIST letters, MNIST and Fashion-MNIST by name, from files in a folder or downloaded by torchvision."""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from string import ascii_uppercase

import platformdirs

from ca2_core.errors import UserError
from ca2_gan.data.idx import find_images, read_folder
from ca2_gan.data.raw import Raw
from ca2_gan.registry import datasets

DOWNLOADED = ("emnist-letters", "mnist", "fashion-mnist")
GARMENTS = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")


@datasets.register("emnist-letters")
def emnist_letters(root: Path | None = None) -> Raw:
    """EMNIST letters, 26 classes, both cases merged: 145,600 images of 28x28."""
    return replace(_idx("emnist-letters", "EMNIST", root, dict(enumerate(ascii_uppercase, start=1))), transposed=True)


@datasets.register("mnist")
def mnist(root: Path | None = None) -> Raw:
    """MNIST, 10 digits: 70,000 images of 28x28."""
    return _idx("", "MNIST", root, dict(enumerate("0123456789")))


@datasets.register("fashion-mnist")
def fashion_mnist(root: Path | None = None) -> Raw:
    """Fashion-MNIST, 10 garments: 70,000 images of 28x28."""
    return _idx("", "FashionMNIST", root, dict(enumerate(GARMENTS)))


def _idx(family: str, torchvision_name: str, root: Path | None, names: Mapping[int, str]) -> Raw:
    """Reads the IDX files in a folder, or in torchvision's places inside it; if there are none, torchvision downloads them."""
    root = root or Path(platformdirs.user_cache_dir("ca2_gan")) / "data"
    places = (root / torchvision_name / "raw", root / "raw", root / "gzip", root)
    for is_missing in (False, True):
        if is_missing:
            _download(torchvision_name, root)
        for folder in places:
            if folder.is_dir() and any(path.name.startswith(family) for path in find_images(folder)):
                return replace(read_folder(folder, family), names=names, transposed=False)
    raise UserError(f"{root}: no IDX files of {torchvision_name} in it.")


def _download(torchvision_name: str, root: Path) -> None:
    sets = import_module("torchvision.datasets")  # here because it loads torch, which takes seconds
    options = {"split": "letters"} if torchvision_name == "EMNIST" else {}
    try:
        getattr(sets, torchvision_name)(str(root), download=True, **options)
    except (RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())[:100]
        raise UserError(
            f"{torchvision_name} can't be downloaded to {root} ({reason}). Put its IDX files (*-images-idx3-ubyte.gz, "
            "*-labels-idx1-ubyte.gz) into a folder and name it with --root, or use --data glyphs."
        ) from error
