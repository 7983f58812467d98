"""Exercises, and the verdicts of their checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "wrong", "unfinished", "skipped"]


@dataclass(frozen=True)
class Exercise:
    """Description of an exercise. It names the module of the checks, so that listing exercises does not import it.

    :param title: what it is about
    :param minutes: time that a student needs
    :param checks: name of a module whose ``CHECKS`` is a sequence of functions, see ``ca2_core.course.grading``
    :param time_limit: seconds for all checks together
    """

    title: str
    minutes: int
    checks: str
    time_limit: int


Course = Mapping[str, Exercise]
"""Exercises by name, in the order in which they are done."""


@dataclass(frozen=True)
class Verdict:
    """Result of a check.

    :param title: the property that was checked
    :param status: unfinished if the student's code raises ``NotImplementedError``, skipped if the check could not be made
    :param why: what is wrong and why it matters; empty if the check passed
    :param where: lines of the student's code that led there, the innermost last
    """

    title: str
    status: Status
    why: str = ""
    where: tuple[str, ...] = ()


class WrongError(Exception):
    """A student's code is wrong. The message says what is wrong and why it matters."""


class SkippedError(Exception):
    """A check can't run."""


def expect(condition: object, why: str) -> None:
    """:raises WrongError: with the reason, if the condition does not hold"""
    if not condition:
        raise WrongError(why)
