"""``ca2-gan check``: checks a solution to an exercise of the course."""

from ca2_core.course.command import check
from ca2_gan.course import EXERCISES


def main(argv: list[str]) -> None:
    """``ca2-gan check``."""
    check("ca2-gan check", EXERCISES, argv, "`ca2-rl check --list` shows those on reinforcement learning.")
