"""The ``check`` command, which both packages share."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ca2_core.arguments import Parser, at_least
from ca2_core.course.exercise import Course, Verdict
from ca2_core.course.process import Output, run
from ca2_core.course.source import find_exercise, read_source
from ca2_core.errors import UserError
from ca2_core.tables import Table

MARKS = {"passed": "✓", "wrong": "✗", "unfinished": "✗", "skipped": "–"}
PLAIN_MARKS = {"passed": "+", "wrong": "x", "unfinished": "x", "skipped": "-"}
DESCRIPTION = """Checks a solution of a course exercise and explains what is wrong. The line `# exercise: NAME` in the file names the
exercise. The code runs in a separate process, with your permissions. Exit status: 0 if all checks pass, 1 if one fails, 2 if nothing
could be checked.
"""


def check(prog: str, course: Course, argv: Sequence[str], elsewhere: str) -> None:
    """Runs one ``check`` command line.

    :param elsewhere: a sentence that says where the other exercises are
    :raises UserError: if there is nothing that can be checked
    :raises SystemExit: with status 1 if a check does not pass
    """
    parser = Parser(prog=prog, description=DESCRIPTION)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a script (.py) or a notebook (.ipynb)")
    parser.add_argument("--list", action="store_true", help="list the exercises and exit")
    parser.add_argument(
        "--time-limit", type=at_least(1), metavar="S", help="seconds for all checks together (default: the exercise's limit)"
    )
    arguments = parser.parse_args(argv)
    if arguments.list:
        rows = [[name, f"{exercise.minutes} min", exercise.title] for name, exercise in course.items()]
        Table(["exercise", "time", "what it is about"], rows, texts=3).print()
        return
    if arguments.file is None:
        raise UserError(f"{prog} FILE: give the file of a solution. The exercises are {', '.join(course)}.")
    exercise = course[find_exercise(read_source(arguments.file), course, elsewhere)]
    output, verdicts = Output(), []
    with closing(run(arguments.file, exercise, arguments.time_limit or exercise.time_limit, output)) as found:
        for verdict in found:
            show(verdict)
            verdicts.append(verdict)
    if printed := output.lines():
        print("printed by the code:")
        print("\n".join(f"  | {line}" for line in printed))
    print(summary(verdicts))
    if any(verdict.status != "passed" for verdict in verdicts):
        sys.exit(1)


def show(verdict: Verdict) -> None:
    """Prints a verdict and, below it, the lines of the student's code that led to it."""
    marks = MARKS if _can_print("✓✗–") else PLAIN_MARKS
    first = f"{marks[verdict.status]} {verdict.title}" + (f" {marks['skipped']} {verdict.why}" if verdict.why else "")
    lines = [first, *(f"    {line}" for line in verdict.where)]
    encoding = sys.stdout.encoding or "utf-8"
    print("\n".join(lines).encode(encoding, errors="replace").decode(encoding), flush=True)


def summary(verdicts: Sequence[Verdict]) -> str:
    """States how many checks passed, such as "1 of 3 passed, 2 not done yet"."""
    statuses = [verdict.status for verdict in verdicts]
    unfinished = statuses.count("unfinished")
    return f"{statuses.count('passed')} of {len(statuses)} passed" + (f", {unfinished} not done yet" if unfinished else "")


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
