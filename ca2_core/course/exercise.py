"""What an exercise is, and what a check of it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "wrong", "unfinished", "skipped"]


@dataclass(frozen=True)
class Exercise:
    """An exercise, as far as it can be told without importing what its checks need.

    :param title: what it is about
    :param minutes: that a student takes
    :param checks: module whose ``CHECKS`` is a sequence of functions, see ``ca2_core.course.grading``
    :param time_limit: seconds that a student's code may take in all checks together
    """

    title: str
    minutes: int
    checks: str
    time_limit: int


Course = Mapping[str, Exercise]
"""Exercises by name, in the order in which they are done."""


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    :param title: what should be so
    :param status: unfinished if the student's code raises ``NotImplementedError``, skipped if the check could not be made
    :param why: what is wrong and why it matters; empty if nothing is
    :param where: the student's own lines that led there, the innermost last
    """

    title: str
    status: Status
    why: str = ""
    where: tuple[str, ...] = ()


class WrongError(Exception):
    """What a student's code does is wrong: says what, and why it matters."""


class SkippedError(Exception):
    """A check can't be made."""


def expect(condition: object, why: str) -> None:
    """:raises WrongError: with the reason, if the condition does not hold"""
    if not condition:
        raise WrongError(why)
