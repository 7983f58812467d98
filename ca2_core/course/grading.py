"""Runs a student's code and the checks of an exercise in this process.

A check is a function that takes a ``Student``. It raises ``WrongError`` (see ``expect``) with what is wrong and why it matters. The first
line of its docstring states the property that it checks and is printed as its title.
"""

import linecache
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType

from ca2_core.course.exercise import SkippedError, Verdict, WrongError
from ca2_core.course.source import Source
from ca2_core.course.student import Student

Check = Callable[[Student], object]

# Not __main__, so that code under `if __name__ == "__main__"` does not run in the check
MODULE = "exercise"
RUNS = "The file runs"
MOST_LINES, LONGEST = 5, 300


def title_of(check: Check) -> str:
    """The property that a check checks, in words."""
    return (check.__doc__ or check.__name__).strip().splitlines()[0].rstrip(".")


def grade(source: Source, checks: Sequence[Check]) -> Iterator[Verdict]:
    """Yields verdicts as soon as each is known: whether the file runs, then one from each check."""
    module = ModuleType(MODULE)
    module.__file__ = str(source.path)
    sys.modules[MODULE] = module  # where dataclasses and pickles look for the classes of the file
    student = Student(vars(module))
    runs = _judge(RUNS, lambda: _run(source, module), source)
    yield runs
    for check in checks:
        title = title_of(check)
        if runs.status == "passed":
            yield _judge(title, partial(check, student), source)
        else:
            yield Verdict(title, "skipped", "the file has to run first")


def _run(source: Source, module: ModuleType) -> None:
    for cell in source.cells:
        linecache.cache[cell.label] = (len(cell.code), None, cell.code.splitlines(keepends=True), cell.label)
        exec(compile(cell.code, cell.label, "exec", dont_inherit=True), vars(module))  # noqa: S102 (in a process of its own)


def _judge(title: str, check: Callable[[], object], source: Source) -> Verdict:
    """Runs one check. Whatever the student's code raises becomes a verdict."""
    try:
        check()
    except WrongError as error:
        return Verdict(title, "wrong", str(error))
    except SkippedError as error:
        return Verdict(title, "skipped", str(error))
    except (Exception, SystemExit) as error:
        return _explained(title, error, source)
    return Verdict(title, "passed")


def _explained(title: str, error: BaseException, source: Source) -> Verdict:
    """The verdict for an exception of a student's code, with the lines of that code that led to it."""
    labels = {cell.label for cell in source.cells}
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in labels]
    where = tuple(f"{frame.filename}, line {frame.lineno}, in {frame.name}: {(frame.line or '').strip()}" for frame in own[-MOST_LINES:])
    if isinstance(error, NotImplementedError) and own:
        return Verdict(title, "unfinished", f"not done yet: {own[-1].name}, line {own[-1].lineno}")
    if isinstance(error, SystemExit):
        return Verdict(title, "wrong", "the code calls sys.exit(). Remove that call, so that all checks can run.", where)
    message = " ".join(str(error).split())[:LONGEST]
    why = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename in labels:
        why, where = f"{type(error).__name__}: {error.msg}", (f"{error.filename}, line {error.lineno}: {(error.text or '').strip()}",)
    elif not own:
        why += ". The check can't use what the code returns: does it have the type and shape that the exercise asks for?"
    return Verdict(title, "wrong", why, where)
