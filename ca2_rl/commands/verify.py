"""``ca2-rl verify``: repeats a training and reports where it differs."""

import argparse
import math
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ca2_core.arguments import Parser
from ca2_core.errors import UserError
from ca2_rl.commands import train
from ca2_rl.commands.agent_options import add_package_options
from ca2_rl.runs import Run, read_run
from ca2_rl.state.hashes import EVERY, Link, read_chain
from ca2_rl.zoo import resume
from ca2_rl.zoo.plugins import register
from ca2_rl.zoo.printing import say

DESCRIPTION = f"""\
Repeats the training of a run of `ca2-rl train`, with the same arguments and hyperparameters, and compares the hashes of losses and
weights, which are stored every {EVERY:,} steps. Stops at the first difference, with exit status 1. The run is not changed.
"""


class _EndError(Exception):
    """Ends the training: the comparison is complete, or a difference was found."""


def main(argv: list[str]) -> None:
    """``ca2-rl verify``."""
    register()
    parser = Parser(prog="ca2-rl verify", description=DESCRIPTION)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as logs/noisydqn/Pendulum-v1_1")
    add_package_options(parser)
    given = parser.parse_args(argv)
    run = read_run(given.run, given.trust)
    expected = {link.steps: link for link in read_chain(run.folder / resume.HASHES)}
    if not expected:
        raise UserError(f"{run.folder}: no hashes yet; the first is stored after {EVERY:,} steps.")
    say(f"Training {run.folder} again: {run.algo} on {run.env_id}, seed {run.seed}, up to step {max(expected):,}")
    difference = _first_difference(run, expected, given)
    if difference is not None:
        print(difference)
        sys.exit(1)
    print(f"Identical: losses and weights at all {len(expected)} stored steps, up to {max(expected):,}.")


def _first_difference(run: Run, expected: dict[int, Link], given: argparse.Namespace) -> str | None:
    """Repeats the training. Returns a sentence that names the first difference, or None."""
    options = train.options("ca2-rl verify", DESCRIPTION)
    named = options.parse_args([])
    named.trust, named.gym_packages = given.trust, given.gym_packages
    again = {"resume": None, "verbose": 0, "save_freq": -1, "save_every": math.inf}
    options.set_defaults(**resume.recorded(named, options, run) | again | {"gym_packages": given.gym_packages})
    arguments = options.parse_args([])
    same, difference = 0, None

    def see(link: Link) -> None:
        nonlocal same, difference
        wanted = expected.get(link.steps)
        if wanted is not None and link != wanted:
            parts = [name for name in ("losses", "weights") if getattr(link, name) != getattr(wanted, name)]
            difference = f"Different: {' and '.join(parts)} at step {link.steps:,}; identical up to step {same:,}."
        elif wanted is not None:
            same = link.steps
        if difference or link.steps >= max(expected):
            raise _EndError

    with TemporaryDirectory() as folder:
        arguments.log_folder = folder
        manager = train.start(arguments, train.config_of(run.folder), see)
        with manager.lock, suppress(_EndError):
            experiment = manager.setup_experiment()
            assert experiment is not None  # it is not a search
            manager.learn(experiment[0])
        if manager.stop_on_signal.stopped:
            raise KeyboardInterrupt
    return difference
