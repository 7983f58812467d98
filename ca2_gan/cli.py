"""The ``ca2-gan`` command."""

import os

from ca2_core.command import Command, Subcommand

COMMAND = Command(
    "ca2-gan",
    "A zoo of small GANs for letters, digits and other small pictures.",
    {
        "list": Subcommand("ca2_gan.commands.list:main", "models, trained ones, losses, games, datasets and metrics, by pattern"),
        "explore": Subcommand("ca2_gan.data.explore:main", "what a data set is like: samples, counts, averages, t-SNE, as one page"),
        "train": Subcommand("ca2_gan.commands.train:main", "train a model, or go on with an interrupted training"),
        "sample": Subcommand("ca2_gan.commands.sample:main", "images of a trained model: a grid, PNGs, an npz or an animation"),
        "export": Subcommand("ca2_gan.commands.export:main", "the generator of a trained model as ONNX or a program of torch.export"),
        "evaluate": Subcommand("ca2_gan.commands.evaluate:main", "score runs, models or images of any origin against real ones"),
        "ground-truth": Subcommand(
            "ca2_gan.commands.ground_truth:main", "a generator of letters beside the procedure that draws glyphs: factors, coverage, copies"
        ),
        "play": Subcommand("ca2_gan.commands.play:main", "a page in the browser on which models write what you type"),
        "rate": Subcommand(
            "ca2_gan.commands.rate:main", "rate samples of several models, mixed with real images, without knowing whose they are"
        ),
        "check": Subcommand("ca2_gan.commands.check:main", "check a solution of an exercise of the course, and explain what is wrong"),
        "compare": Subcommand("ca2_gan.commands.compare:main", "curves and samples of several runs side by side, as one page"),
        "study": Subcommand(
            "ca2_gan.commands.study:main", "models x settings x data x seeds in parallel, as a file says: tables and figures"
        ),
    },
    ["train --model cgan --data glyphs --out runs/cgan --minutes 5", "sample runs/cgan --labels QUARTZ --n 8 --out quartz.png"],
)
COMMANDS, run = COMMAND.subcommands, COMMAND.run


def main() -> None:
    """Entry point."""
    # Threads that spin while they wait for each other come to a near standstill as soon as another program wants a core
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    COMMAND.main()
