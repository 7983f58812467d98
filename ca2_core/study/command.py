"""Shared parts of the ``study`` commands: options, running, reporting."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ca2_core.arguments import Parser, at_least, folder
from ca2_core.errors import UserError, did_you_mean
from ca2_core.study.cases import Case, Study, jobs_of, select
from ca2_core.study.conditions import machine
from ca2_core.study.report import comparison, write_report
from ca2_core.study.results import Results
from ca2_core.study.runner import Work, cores, run
from ca2_core.study.store import Store

# Names listed after a mistyped --only
SHOWN = 12
QUICK_SEEDS = 2
# Second part of each command's description
WRITES = """,
several trainings at a time, and writes OUT/study.json (all numbers, with command, versions, seeds and machine), OUT/report.md (tables
with the interquartile mean and its 95 % bootstrap interval) and figures. Each finished training is a file in OUT/jobs: after a stop, the
same command runs only what is missing.
"""


def make_parser(prog: str, what: str, example: str) -> argparse.ArgumentParser:
    """Parser with the options that every ``study`` command has.

    :param what: beginning of the description: what the command trains, without the full stop
    :param example: an example file that has every key, shown after the options
    """
    parser = Parser(prog=prog, description=f"{what}{WRITES}", epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="FILE.yml", help="the study")
    parser.add_argument(
        "--seeds", type=at_least(1), metavar="N", help="number of seeds, from the file's first seed on (default: the file's)"
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="run only this variant or task; without an exact match, all whose name contains NAME (* and ? as in a shell); may be repeated",
    )
    parser.add_argument("--jobs", type=at_least(1), metavar="J", help="trainings at a time (default: one per core)")
    parser.add_argument("--ray", action="store_true", help="run on the Ray cluster at RAY_ADDRESS, or without one on a local Ray")
    parser.add_argument("--out", type=folder, metavar="FOLDER", help="output folder (default: studies/FILE)")
    parser.add_argument("--quick", action="store_true", help=f"a tenth of the budget and {QUICK_SEEDS} seeds, to test that it runs")
    parser.add_argument("--report-only", action="store_true", help="train nothing; report the finished trainings")
    return parser


def narrowed(study: Study, arguments: argparse.Namespace) -> Study:
    """The study with only the cases and seeds that the options select.

    :raises UserError: if ``--only`` matches no variant and no task
    """
    for pattern in arguments.only or []:
        if not select(study.cases, [pattern]):
            names = list(dict.fromkeys([case.variant for case in study.cases] + [case.task for case in study.cases]))
            shown = "; ".join(names[:SHOWN]) + ("; ..." if len(names) > SHOWN else "")
            raise UserError(f"--only {pattern}: no such variant or task.{did_you_mean(pattern, names)} There are {shown}.")
    seeds = list(study.seeds)
    if arguments.quick:
        seeds = seeds[:QUICK_SEEDS]
    if arguments.seeds is not None:
        seeds = list(range(study.seeds[0], study.seeds[0] + arguments.seeds))
    return replace(study, cases=select(study.cases, arguments.only), seeds=seeds)


def conduct(
    study: Study,
    work: Work,
    benches: Callable[[Sequence[Case]], Mapping[str, Any]],
    arguments: argparse.Namespace,
    out: Path,
    versions: Mapping[str, str],
    command: str,
    published: Mapping[str, Any] | None = None,
) -> Results:
    """Runs the missing jobs, then writes all records of the study to ``study.json``.

    :param work: does one job
    :param benches: makes the data that the jobs of these cases share; called only if a job is missing
    :param arguments: values of the options of ``make_parser``
    :param out: folder of the study
    :param versions: versions of the packages on which results depend
    :param command: the command line, for the report
    :param published: an earlier ``study.json`` whose records are reused
    """
    store, chosen = Store(out / "jobs", versions), narrowed(study, arguments)
    (out / "jobs").mkdir(parents=True, exist_ok=True)  # fails now, before the training, if it can't be made
    if published is not None:
        store.restore(published)
    if arguments.report_only:
        if not store.read(study.cases):
            raise UserError(f"{out}: nothing of this study has been trained yet. Run it without --report-only.")
        path = out / "study.json"
        trained: Mapping[str, Any] = Results.read(path).content if path.is_file() else {"command": command, "machine": machine(1)}
        return gather(study, store, trained["command"], trained["machine"])
    store.read(study.cases)  # reports damaged files before the training instead of after it
    workers = arguments.jobs or cores(arguments.ray)
    # Each seed's last cases start first: baselines are usually last and slow, so no core waits for them at the end
    jobs = jobs_of(chosen.cases[::-1], chosen.seeds)
    try:
        if missing := [job.case for job in jobs if not store.has(job)]:
            run(jobs, work, store, workers, arguments.ray, benches(missing))
    except KeyboardInterrupt:
        print("Stopped. Run the same command again to do the missing trainings.", file=sys.stderr)
        raise
    results = gather(study, store, command, machine(workers))
    results.save(out / "study.json")
    return results


def gather(study: Study, store: Store, command: str, machine: Mapping[str, Any]) -> Results:
    """All existing records of the study, including those of earlier calls."""
    records = store.read(study.cases)
    return Results(
        {
            "study": study.name,
            "title": study.title,
            "command": command,
            "versions": dict(store.versions),
            "machine": dict(machine),
            "seeds": sorted({record["seed"] for record in records}),
            "measures": {task: vars(measure) for task, measure in study.measures.items()},
            "cases": [{name: value for name, value in vars(case).items() if name != "bench"} for case in study.cases],
            "records": records,
        }
    )


def show(results: Results, out: Path) -> None:
    """Prints the tables and writes the report."""
    for task in results.tasks:
        for group in results.groups(task):
            comparison(results, task, group).print()
    print(f"Report: {write_report(results, out)}")
