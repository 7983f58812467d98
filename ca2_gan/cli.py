"""The ``ca2-gan`` command."""

import os

from ca2_core.command import Command, Subcommand

COMMAND = Command(
    "ca2-gan",
    "A zoo of small GANs for letters, digits and other small pictures.",
    {
        "list": Subcommand("ca2_gan.commands.list:main", "list models, pretrained models, losses, games, data sets and metrics"),
        "explore": Subcommand("ca2_gan.data.explore:main", "describe a data set on one page: samples, counts, averages, t-SNE"),
        "train": Subcommand("ca2_gan.commands.train:main", "train a model, or resume an interrupted training"),
        "sample": Subcommand("ca2_gan.commands.sample:main", "draw images from a trained model: a grid, PNGs, an npz or an animation"),
        "export": Subcommand("ca2_gan.commands.export:main", "write the generator of a trained model as ONNX or a torch.export program"),
        "evaluate": Subcommand("ca2_gan.commands.evaluate:main", "compare the images of runs, models or files with real images"),
        "ground-truth": Subcommand(
            "ca2_gan.commands.ground_truth:main", "compare letters with the procedure that draws glyphs: factors, coverage, copies"
        ),
        "play": Subcommand("ca2_gan.commands.play:main", "open a page in the browser on which models write what you type"),
        "rate": Subcommand(
            "ca2_gan.commands.rate:main", "rate samples of several models and real images, mixed at random, without knowing which is which"
        ),
        "check": Subcommand("ca2_gan.commands.check:main", "check a solution to an exercise of the course, and explain what is wrong"),
        "compare": Subcommand("ca2_gan.commands.compare:main", "show curves and samples of several runs side by side on one page"),
        "study": Subcommand(
            "ca2_gan.commands.study:main", "train models x settings x data x seeds as a YAML file describes, for tables and figures"
        ),
    },
    ["train --model cgan --data glyphs --out runs/cgan --minutes 5", "sample runs/cgan --labels QUARTZ --n 8 --out quartz.png"],
)
COMMANDS, run = COMMAND.subcommands, COMMAND.run


def main() -> None:
    """Entry point."""
    # By default, OpenMP's threads spin while they wait, and nearly stop as soon as another program needs a core
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    COMMAND.main()
