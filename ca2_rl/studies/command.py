"""``ca2-rl study``: trains agents x settings x seeds in parallel, and makes tables and figures of it."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from importlib import import_module
from itertools import compress
from pathlib import Path

import matplotlib as mpl

from ca2_core.arguments import Parser
from ca2_core.errors import UserError, did_you_mean
from ca2_rl.studies.conditions import machine
from ca2_rl.studies.jobs import Variant, plan
from ca2_rl.studies.results import Results
from ca2_rl.studies.runner import BACKENDS, cores, run
from ca2_rl.studies.study import Study

STUDIES = ("overview", "tuning", "exploration", "episodes", "coursework", "compiled")


def load(name: str) -> Study:
    """The study of this name.

    :raises UserError: if there is none
    """
    if name not in STUDIES:
        raise UserError(f"no study named {name!r}.{did_you_mean(name, STUDIES)} There are {', '.join(STUDIES)}.")
    study: Study = import_module(f"ca2_rl.studies.{name}").STUDY
    return study


def select(variants: list[Variant], patterns: Sequence[str] | None) -> list[Variant]:
    """All, or those with one of these labels; what is no label stands for all that contain or match it, whatever the case."""
    labels = [variant.label.lower() for variant in variants]
    asked = [pattern.lower() for pattern in patterns or [""]]
    parts = [f"*{pattern}*" for pattern in asked if pattern not in labels]
    meant = [label in asked or any(fnmatch(label, part) for part in parts) for label in labels]
    return list(compress(variants, meant))


def study(arguments: argparse.Namespace, command: str) -> Results:
    """Trains what is missing, then gathers all of it in ``study.json``.

    :param arguments: as ``parse`` returns them
    :param command: the command line, for the report
    """
    chosen = load(arguments.name)
    seeds = range(arguments.first_seed, arguments.first_seed + (arguments.seeds or chosen.seeds))
    out = arguments.out or Path("studies", chosen.name)
    selected = select(chosen.variants(), arguments.only)
    workers = arguments.jobs or cores(arguments.backend)
    # The slowest of the overview are its last variants: begun first in each round, they leave no core idle at the end
    jobs = plan(selected[::-1], seeds, arguments.steps)
    try:
        run(jobs, out / "jobs", workers, arguments.backend)
    except KeyboardInterrupt:
        print("Stopped. The same command goes on with what is missing.", file=sys.stderr)
        raise
    return chosen.gather(out, arguments.steps, command, machine(workers))


def parse(argv: list[str], prog: str = "ca2-rl study") -> argparse.Namespace:
    """The options.

    :raises UserError: if one is wrong
    """
    parser = Parser(
        prog=prog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Trains agents x settings x seeds in parallel and writes OUT/study.json, OUT/report.md and figures.\n"
        "A call that was stopped goes on where it was: each training is a file in OUT/jobs.\n\nstudies:\n"
        + "\n".join(f"  {name:<12} {load(name).summary}" for name in STUDIES),
    )
    parser.add_argument("name", metavar="NAME", help="one of them")
    parser.add_argument("--seeds", type=int, metavar="N", help="seeds of each variant (default: 10; tuning: 3)")
    parser.add_argument("--first-seed", type=int, default=0, metavar="S", help="the first of them (default: 0)")
    parser.add_argument("--jobs", type=int, metavar="J", help="trainings at a time (default: one a core)")
    parser.add_argument(
        "--backend", choices=BACKENDS, default="processes", help="where: this machine, or the cluster at RAY_ADDRESS (default: processes)"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="steps of each training (default: the variant's own, 20,000)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="default: studies/NAME")
    parser.add_argument(
        "--only",
        action="append",
        metavar="LABEL",
        help="train only the variant with this label, else those whose label contains it (* and ? as in a shell); may be repeated",
    )
    arguments = parser.parse_args(argv)
    variants = load(arguments.name).variants()
    for pattern in arguments.only or []:
        if not select(variants, [pattern]):
            labels = [variant.label for variant in variants]
            shown = "; ".join(labels[:12]) + ("; ..." if len(labels) > 12 else "")
            raise UserError(f"--only {pattern}: no such variant. There are {shown}.")
    for option, least in (("seeds", 1), ("first_seed", 0), ("jobs", 1), ("steps", 1)):
        value = getattr(arguments, option)
        if value is not None and value < least:
            raise UserError(f"--{option.replace('_', '-')} {value}: at least {least}.")
    if arguments.out is not None:
        for path in (arguments.out, *arguments.out.parents):
            if path.exists() and not path.is_dir():
                problem = "a file" if path == arguments.out else f"{path} is a file"
                raise UserError(f"--out {arguments.out}: {problem}; give a folder.")
    return arguments


def main(argv: list[str]) -> None:
    """``ca2-rl study``."""
    mpl.use("agg")
    arguments = parse(argv)
    results = study(arguments, shlex.join(["ca2-rl", "study", *argv]))
    chosen = load(arguments.name)
    path = chosen.report(results, arguments.out or Path("studies", chosen.name))
    print(f"Report: {path}")
