"""``ca2-rl check``: checks a solution of a course exercise."""

from ca2_core.course.command import check
from ca2_rl.course import EXERCISES


def main(argv: list[str]) -> None:
    """``ca2-rl check``."""
    check("ca2-rl check", EXERCISES, argv, "`ca2-gan check --list` shows the exercises on GANs.")
