"""``ca2-gan study``: trains models x settings x data x seeds in parallel, and makes tables and figures of it."""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from fnmatch import fnmatch
from importlib import import_module
from itertools import compress
from pathlib import Path

from ca2_core.arguments import Parser
from ca2_core.errors import UserError, did_you_mean
from ca2_core.study.conditions import machine
from ca2_gan.data import load as load_data
from ca2_gan.data.downloads import DOWNLOADED
from ca2_gan.folders import own_folder
from ca2_gan.studies.bench import Bench
from ca2_gan.studies.jobs import Budget, Variant, plan, read_records
from ca2_gan.studies.results import Results
from ca2_gan.studies.runner import BACKENDS, cores, run
from ca2_gan.studies.study import Study

STUDIES = ("overview", "changes")
SEEDS, MINUTES = 3, 5.0
# Of --quick: budgets and seeds of each study; all of it takes less than 25 minutes on two cores
QUICK = {"overview": ([Budget(minutes=0.4), Budget(images=1_000)], 2), "changes": ([Budget(minutes=0.1)], 2)}


def load(name: str) -> Study:
    """The study of this name.

    :raises UserError: if there is none
    """
    if name not in STUDIES:
        raise UserError(f"no study named {name!r}.{did_you_mean(name, STUDIES)} There are {', '.join(STUDIES)}.")
    study: Study = import_module(f"ca2_gan.studies.{name}").STUDY
    return study


def select(variants: list[Variant], patterns: Sequence[str] | None) -> list[Variant]:
    """All, or those with one of these labels; what is no label stands for all that contain or match it, whatever the case."""
    labels = [variant.label.lower() for variant in variants]
    asked = [pattern.lower() for pattern in patterns or [""]]
    parts = [f"*{pattern}*" for pattern in asked if pattern not in labels]
    meant = [label in asked or any(fnmatch(label, part) for part in parts) for label in labels]
    return list(compress(variants, meant))


def budgets(arguments: argparse.Namespace, name: str) -> list[Budget]:
    """Those that were asked for: time, images or both; else five minutes, or those of ``--quick``."""
    asked = [Budget(minutes=arguments.minutes)] if arguments.minutes is not None else []
    asked += [Budget(images=arguments.images)] if arguments.images is not None else []
    return asked or (QUICK[name][0] if arguments.quick else [Budget(minutes=MINUTES)])


def seeds(arguments: argparse.Namespace, name: str) -> range:
    """The trainings' seeds."""
    count = arguments.seeds or (QUICK[name][1] if arguments.quick else SEEDS)
    return range(arguments.first_seed, arguments.first_seed + count)


def prepare(arguments: argparse.Namespace) -> dict[str, Bench]:
    """Data and reference classifiers of each data set.

    :raises UserError: if one can't be read
    """
    names = dict.fromkeys(arguments.data or ["glyphs"])
    if arguments.root is not None and not set(names) & set(DOWNLOADED):
        raise UserError(f"--root {arguments.root}: it is for {', '.join(DOWNLOADED)}; other data are a path or drawn. Leave it out.")
    return {name: Bench.prepare(name, load_data(name, root=arguments.root if name in DOWNLOADED else None)) for name in names}


def study(chosen: Study, arguments: argparse.Namespace, benches: Mapping[str, Bench], out: Path, command: str) -> Results:
    """Trains what is missing, then gathers all of it in ``study.json``.

    :param arguments: as ``parse`` returns them
    :param benches: by name of the data
    :param command: the command line, for the report
    :raises UserError: if a record of a former call is damaged
    """
    keys = {name: bench.key for name, bench in benches.items()}
    read_records(chosen.variants(), keys, out / "jobs")  # what is damaged is told before the work, not after it
    jobs = plan(select(chosen.variants(), arguments.only), keys, budgets(arguments, chosen.name), seeds(arguments, chosen.name))
    workers = arguments.jobs or cores(arguments.backend)
    try:
        run(jobs, benches, out / "jobs", workers, arguments.backend, command)
    except KeyboardInterrupt:
        print("Stopped. The same command goes on with what is missing.", file=sys.stderr)
        raise
    return chosen.gather(out, benches, command, machine(workers))


def parse(argv: list[str], prog: str = "ca2-gan study", default: str | None = None) -> argparse.Namespace:
    """The options.

    :param default: study if none is named
    :raises UserError: if one is wrong
    """
    parser = Parser(
        prog=prog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Trains models x settings x data x seeds in parallel and writes OUT/study.json, OUT/report.md and figures.\n"
        "A call that was stopped goes on where it was: each training is a file in OUT/jobs.\n\nstudies:\n"
        + "\n".join(f"  {name:<10} {load(name).summary}" for name in STUDIES),
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", nargs="?" if default else None, default=default, help="one of them, or all")
    parser.add_argument(
        "--data", action="append", metavar="D", help="what `ca2-gan train --data` takes; several times for several (default: glyphs)"
    )
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="where the files of emnist-letters, mnist, fashion-mnist are or go")
    parser.add_argument("--minutes", type=float, metavar="M", help=f"CPU minutes of each training (default: {MINUTES:g})")
    parser.add_argument("--images", type=int, metavar="N", help="images of each training, instead or beside")
    parser.add_argument("--seeds", type=int, metavar="N", help=f"seeds of each variant (default: {SEEDS})")
    parser.add_argument("--first-seed", type=int, default=0, metavar="S", help="the first of them (default: 0)")
    parser.add_argument("--quick", action="store_true", help="small budgets and few seeds: below 25 minutes on two cores for all studies")
    parser.add_argument("--jobs", type=int, metavar="J", help="trainings at a time (default: one a core)")
    parser.add_argument(
        "--backend", choices=BACKENDS, default="processes", help="where: this machine, or the cluster at RAY_ADDRESS (default: processes)"
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="LABEL",
        help="train only the variant with this label, else those whose label contains it (* and ? as in a shell); may be repeated",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="a folder for each study goes there (default: studies/gan)")
    arguments = parser.parse_args(argv)
    arguments.names = list(STUDIES) if arguments.name == "all" else [load(arguments.name).name]
    for option, least in (("seeds", 1), ("first_seed", 0), ("jobs", 1), ("images", 1)):
        value = getattr(arguments, option)
        if value is not None and value < least:
            raise UserError(f"--{option.replace('_', '-')} {value}: at least {least}.")
    if arguments.minutes is not None and not 0 < arguments.minutes < float("inf"):
        raise UserError(f"--minutes {arguments.minutes:g}: more than 0 is needed.")
    variants = [variant for name in arguments.names for variant in load(name).variants()]
    for pattern in arguments.only or []:  # before the data are read
        if not select(variants, [pattern]):
            labels = "; ".join(variant.label for variant in variants)
            raise UserError(f"--only {pattern}: no such variant. There are {labels}.")
    if arguments.out is not None:
        for path in (arguments.out, *arguments.out.parents):
            if path.exists() and not path.is_dir():
                problem = "a file" if path == arguments.out else f"{path} is a file"
                raise UserError(f"--out {arguments.out}: {problem}; give a folder.")
    return arguments


def main(argv: list[str]) -> None:
    """``ca2-gan study``."""
    arguments = parse(argv)
    folders = {name: (arguments.out or Path("studies", "gan")) / name for name in arguments.names}
    with ExitStack() as kept:
        for out in folders.values():
            kept.enter_context(own_folder(out))
        benches = prepare(arguments)
        for name, out in folders.items():
            chosen = load(name)
            results = study(chosen, arguments, benches, out, shlex.join(["ca2-gan", "study", *argv]))
            print(f"Report: {chosen.report(results, out)}")
