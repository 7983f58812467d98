"""The options that say what the data are, the same in every command."""

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path

from ca2_gan.data.dataset import Dataset
from ca2_gan.data.sources import load


def add_data_arguments(parser: ArgumentParser) -> None:
    """Adds ``--data`` and what belongs to it."""
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        required=True,
        metavar="D",
        help="glyphs (embedded), emnist-letters, mnist, fashion-mnist, or a path: CSV with the label first (also .gz), an IDX file of "
        "images or a folder of them, .npz with x and y, .parquet, a folder of pictures",
    )
    group.add_argument("--root", type=Path, metavar="FOLDER", help="where the files of emnist-letters, mnist, fashion-mnist are or go")
    group.add_argument("--classes", metavar="A,B", help="only these classes, by name (default: all)")
    group.add_argument("--transpose", action=BooleanOptionalAction, help="swap rows and columns (default: EMNIST's files only)")
    group.add_argument("--size", type=int, metavar="N", help="number of glyphs to draw (default: 20000)")


def load_data(arguments: Namespace) -> Dataset:
    """The data that the options ask for.

    :raises UserError: if they can't be had
    """
    classes = [name.strip() for name in arguments.classes.split(",") if name.strip()] if arguments.classes else None
    return load(arguments.data, root=arguments.root, classes=classes, transpose=arguments.transpose, size=arguments.size)
