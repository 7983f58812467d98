"""``ca2-gan sample``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ca2_core.errors import UserError, did_you_mean
from ca2_core.files import whole_file
from ca2_gan.arguments import Parser
from ca2_gan.gan import GAN
from ca2_gan.loading import load
from ca2_gan.pictures import slerp, write_animation, write_folder, write_grid

DEFAULT_COLUMNS = 10
STOPS = 4  # noise vectors that an animation goes through


def main(argv: list[str]) -> None:
    """Writes images of a trained model.

    :raises UserError: if the model or the labels aren't right
    """
    arguments = make_parser().parse_args(argv)
    if arguments.n < 1:
        raise UserError(f"--n {arguments.n}: at least 1 is needed.")
    if not 0 < arguments.truncation <= 1:
        raise UserError(f"--truncation {arguments.truncation}: a number over 0 and up to 1 is needed.")
    gan = load(arguments.run)
    out: Path = arguments.out
    classes = None if arguments.labels is None else read_labels(arguments.labels, gan)
    try:
        if out.suffix.lower() == ".gif":
            write_interpolation(gan, classes, arguments, out)
        else:
            write_samples(gan, classes, arguments, out)
    except OSError as error:
        raise UserError(f"{out}: can't write: {error.strerror or error}.") from error
    print(out)


def make_parser() -> Parser:
    parser = Parser(prog="ca2-gan sample", description="Writes images of a trained model.", allow_abbrev=False)
    parser.add_argument(
        "run",
        help="run folder, folder of a saved model, letters_gan/mnist or another of `ca2-gan list pretrained`, or user/name on the hub",
    )
    parser.add_argument("--labels", help="classes: letters such as QUARTZ, or names with commas between; none: all in equal shares")
    parser.add_argument("--n", type=int, default=100, help="images of each label, or of all if there are no --labels (100)")
    parser.add_argument("--seed", type=int, help="same seed, same images")
    parser.add_argument("--truncation", type=float, default=1.0, help="below 1: more typical and less varied images (1)")
    parser.add_argument("--frames", type=int, default=48, help="of an animation (48)")
    forms = "grid .png, interpolation .gif, arrays .npz, or a folder for PNGs (samples.png)"
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help=forms)
    return parser


def read_labels(text: str, gan: GAN) -> list[int]:
    """Class numbers of ``QUARTZ``, of ``T-shirt,Bag``, or of one name; upper and lower case are told apart only if both are classes.

    :raises UserError: if one is no class of the model, or the model has no classes
    """
    if not gan.is_conditional:
        raise UserError(f"{gan.spec.name} is unconditional: it can't be asked for a class. Leave out --labels, or train with --per-class.")
    numbers = {name: i for i, name in reversed(list(enumerate(gan.class_names)))}
    numbers = {name.lower(): i for name, i in numbers.items()} | {name.upper(): i for name, i in numbers.items()} | numbers
    names = [text] if text in numbers else text.split(",") if "," in text else list(text)
    for name in names:
        if name not in numbers:
            near = did_you_mean(name, gan.class_names)
            raise UserError(f"no class {name!r} in this model.{near} It has {', '.join(gan.class_names)}.")
    return [numbers[name] for name in names]


def write_samples(gan: GAN, classes: Sequence[int] | None, arguments: argparse.Namespace, out: Path) -> None:
    """A grid, a folder of PNGs or an npz. With labels, each row of the grid spells them once."""
    if classes is None:
        labels = torch.arange(arguments.n) % gan.spec.num_classes
        columns = min(gan.spec.num_classes, arguments.n) if gan.is_conditional else min(DEFAULT_COLUMNS, arguments.n)
    else:
        labels = torch.tensor(classes).repeat(arguments.n)
        columns = len(classes) if len(classes) > 1 else min(DEFAULT_COLUMNS, arguments.n)
    images = gan.sample(len(labels), labels, arguments.seed, arguments.truncation)
    match out.suffix.lower():
        case ".png":
            write_grid(images, columns, out)
        case ".npz":
            with whole_file(out) as path:
                x = (images[:, 0] if images.shape[1] == 1 else images).numpy()
                if gan.is_conditional:
                    np.savez_compressed(path, x=x, y=labels.numpy())
                else:
                    np.savez_compressed(path, x=x)
        case "":
            names = gan.class_names if gan.is_conditional else ("sample",) * gan.spec.num_classes
            plain = ["".join(c if c.isalnum() else "-" for c in name) for name in names]
            write_folder(images, [f"{i:06d}_{plain[label]}" for i, label in enumerate(labels.tolist())], out)
        case suffix:
            raise UserError(f"{out}: {suffix} can't be written. Give a name with .png, .gif or .npz, or of a folder.")


def write_interpolation(gan: GAN, classes: Sequence[int] | None, arguments: argparse.Namespace, out: Path) -> None:
    """An endless animation: each image of the grid walks through a few noise vectors and back to its first; at most n rows."""
    if arguments.frames < STOPS:
        raise UserError(f"--frames {arguments.frames}: at least {STOPS} are needed.")
    if classes is None:
        classes = list(range(min(gan.spec.num_classes, DEFAULT_COLUMNS))) if gan.is_conditional else [0] * DEFAULT_COLUMNS
    rows = min(arguments.n, 8)
    labels = torch.tensor(classes).repeat(rows)
    stops = gan.draw_noise(STOPS * len(labels), arguments.seed, arguments.truncation).view(STOPS, len(labels), -1)
    frames = []
    for frame in range(arguments.frames):
        position = frame * STOPS / arguments.frames
        stop = int(position)
        frames.append(gan.images_from(slerp(stops[stop], stops[(stop + 1) % STOPS], position - stop), labels))
    write_animation(frames, len(classes), out)
