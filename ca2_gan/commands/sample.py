"""``ca2-gan sample``."""

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ca2_core.arguments import Parser, Renamed, at_least, seed
from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_gan.folders import plain_name
from ca2_gan.gan import GAN, SAMPLING, STOPS
from ca2_gan.loading import load
from ca2_gan.pictures import write_animation, write_folder, write_grid

DEFAULT_COLUMNS = 10
MOST_ROWS = 8  # in an animation


def main(argv: list[str]) -> None:
    """Writes images of a trained model.

    :raises UserError: if the model can't be loaded, or an option is invalid
    """
    arguments = make_parser().parse_args(argv)
    gan = load(arguments.run, revision=arguments.revision)
    classes = None if arguments.labels is None else gan.class_numbers(arguments.labels)
    write = write_interpolation if arguments.out.suffix.lower() == ".gif" else write_samples
    write(gan, classes, arguments, arguments.out)
    print(arguments.out)


def make_parser() -> Parser:
    parser = Parser(prog="ca2-gan sample", description="Writes images of a trained model.", allow_abbrev=False)
    where = "run folder, folder of a saved model, letters_gan/mnist or another of `ca2-gan list pretrained`, or user/name on the hub"
    parser.add_argument("run", help=where)
    parser.add_argument("--revision", help="branch, tag or commit of a model on the hub")
    parser.add_argument("--labels", help="classes: letters such as QUARTZ, or names separated by commas (default: all in equal shares)")
    parser.add_argument(
        "--n", type=at_least(1, int(SAMPLING["n"].high)), default=100, help="images of each label or, without --labels, in total (100)"
    )
    parser.add_argument("--seed", type=seed, help="same seed, same images")
    scale = "factor on the noise; below 1: more typical and less varied images (1)"
    parser.add_argument("--noise-scale", type=positive, default=1.0, help=scale)
    parser.add_argument("--truncation", type=positive, dest="noise_scale", action=Renamed, new="--noise-scale")
    parser.add_argument("--frames", type=at_least(STOPS, 10_000), default=48, help="frames of an animation (48)")
    forms = "grid .png, interpolation .gif, arrays .npz, or a folder for PNGs (samples.png)"
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help=forms)
    return parser


def positive(text: str) -> float:
    """The type of an option whose value is a finite number above 0."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"a finite number above 0 is needed, not {text}")
    return number


def write_samples(gan: GAN, classes: Tensor | None, arguments: argparse.Namespace, out: Path) -> None:
    """Writes a grid, a folder of PNGs or an npz. With labels, each row of the grid spells them once."""
    labels = gan.choose_classes(arguments.n) if classes is None else classes.repeat(arguments.n)
    spelt = len(classes) if classes is not None else gan.spec.num_classes if gan.is_conditional else 1
    columns = spelt if spelt > 1 else DEFAULT_COLUMNS
    images = gan.sample(len(labels), labels, arguments.seed, arguments.noise_scale)
    match out.suffix.lower():
        case ".png":
            write_grid(images, columns, out)
        case ".npz":
            arrays: dict[str, Any] = {"x": (images[:, 0] if images.shape[1] == 1 else images).numpy()}
            with whole_file(out) as path:
                np.savez_compressed(path, **arrays | ({"y": labels.numpy()} if gan.is_conditional else {}))
        case "":
            names = [plain_name(name) if gan.is_conditional else "sample" for name in gan.class_names]
            write_folder(images, [f"{i:06d}_{names[label]}" for i, label in enumerate(labels.tolist())], out)
        case suffix:
            raise UserError(f"{out}: {suffix} can't be written. Give a name that ends in .png, .gif or .npz, or a folder.")


def write_interpolation(gan: GAN, classes: Tensor | None, arguments: argparse.Namespace, out: Path) -> None:
    """Writes a looping animation of a grid whose images interpolate between a few noise vectors; at most n rows."""
    if classes is None:
        shown = torch.arange(DEFAULT_COLUMNS)
        classes = shown[: gan.spec.num_classes] if gan.is_conditional else torch.zeros_like(shown)
    labels = classes.repeat(min(arguments.n, MOST_ROWS))
    frames = gan.interpolate(len(labels), labels, arguments.frames, arguments.seed, arguments.noise_scale)
    write_animation(list(frames), len(classes), out)
