"""The ``ca2-gan`` command: a table of subcommands, each loaded when it is called."""

import os
import sys
from importlib import import_module
from importlib.metadata import version

from ca2_core.errors import UserError, did_you_mean

COMMANDS = {
    "list": ("ca2_gan.listing:main", "models, trained ones, losses, games, datasets and metrics, by pattern"),
    "explore": ("ca2_gan.data.explore:main", "what a data set is like: samples, counts, averages, t-SNE, as one page"),
    "train": ("ca2_gan.trainers.train:main", "train a model, or go on with an interrupted training"),
    "sample": ("ca2_gan.sample:main", "images of a trained model: a grid, PNGs, an npz or an animation"),
    "evaluate": ("ca2_gan.metrics.evaluate:main", "judge runs, models or images of any origin against real ones"),
    "compare": ("ca2_gan.metrics.compare:main", "curves and samples of several runs side by side, as one page"),
    "study": ("ca2_gan.studies.command:main", "models x settings x seeds in parallel: tables and figures"),
}


def usage() -> str:
    """The help text."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    return f"""usage: ca2-gan COMMAND [options]

A zoo of small GANs for letters, digits and other small pictures.

commands:
{commands}

`ca2-gan COMMAND --help` shows a command's options, `ca2-gan --version` the version. For a start:
  ca2-gan train --model cgan --data glyphs --out runs/cgan --max-minutes 5
  ca2-gan sample runs/cgan --labels QUARTZ --n 8 --out quartz.png"""


def run(argv: list[str]) -> None:
    """Runs one command line.

    :raises UserError: if it is wrong
    """
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return
    if argv[0] in ("-V", "--version"):
        print(f"ca2 {version('ca2')}")
        return
    if argv[0] not in COMMANDS:
        raise UserError(f"no command {argv[0]!r}.{did_you_mean(argv[0], COMMANDS)} `ca2-gan --help` shows all.")
    module, _, function = COMMANDS[argv[0]][0].partition(":")
    getattr(import_module(module), function)(argv[1:])


def main() -> None:
    """Entry point: exit code 2 and one line for a mistake of the user's, 130 after Ctrl-C."""
    # Threads that spin while they wait for each other come to a near standstill as soon as another program wants a core
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        run(sys.argv[1:])
    except UserError as error:
        print(f"ca2-gan: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
