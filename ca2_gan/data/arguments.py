"""The options of the data, the same in every command."""

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ca2_core.arguments import at_least

if TYPE_CHECKING:
    from ca2_gan.data.dataset import Dataset


def add_data_arguments(parser: ArgumentParser) -> None:
    """Adds ``--data`` and the options that belong to it."""
    group = parser.add_argument_group("data")
    data = (
        "glyphs (embedded), emnist-letters, mnist, fashion-mnist, or a path: CSV (also .gz, .zip), an IDX file of images or a folder "
        "of them, .npz with x and y, .parquet, a folder of pictures; `ca2-gan list formats` shows all"
    )
    group.add_argument("--data", required=True, metavar="D", help=data)
    group.add_argument("--root", type=Path, metavar="FOLDER", help="folder of emnist-letters, mnist, fashion-mnist (default: the cache)")
    group.add_argument("--classes", metavar="A,B", help="only these classes, by name (default: all)")
    group.add_argument("--transpose", action=BooleanOptionalAction, help="swap rows and columns (default: EMNIST's files only)")
    group.add_argument("--invert", action=BooleanOptionalAction, help="invert gray values (default: of gray images that are dark on white)")
    group.add_argument("--cases", action="store_true", help="make capitals and lower case separate classes (data that tell them apart)")
    resize = "scale to NxN pixels, or HxW; keeps proportions (default: as they are)"
    group.add_argument("--resize", metavar="N", help=resize)
    group.add_argument("--size", type=at_least(1, 10_000_000), metavar="N", help="number of glyphs to draw (default: 20000)")


def load_data(arguments: Namespace) -> "Dataset":
    """Loads the data that the options ask for.

    :raises UserError: if they can't be downloaded, read or used
    """
    from ca2_gan.data import sources  # noqa: PLC0415  (loads torch, which takes seconds, and --help should not)

    options = {name: getattr(arguments, name) for name in ("root", "classes", "transpose", "invert", "resize", "cases", "size")}
    return sources.load_data(arguments.data, **options)
