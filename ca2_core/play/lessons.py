"""Lessons of a page: the Markdown files of a folder, in the order of their names."""

from collections.abc import Iterable
from pathlib import Path

from ca2_core.errors import UserError, did_you_mean


def read_lessons(folder: Path) -> dict[str, str]:
    """The lessons' Markdown texts by name. ``static/lesson.js`` shows them."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}


def with_lesson(page: str, name: str | None, names: Iterable[str]) -> str:
    """The path of a page, with the fragment that opens a lesson.

    :param name: value of ``--lesson``, or None
    :raises UserError: if there is no such lesson
    """
    if name is None:
        return page
    names = list(names)
    if name not in names:
        raise UserError(f"no lesson named {name!r}.{did_you_mean(name, names)} There are {', '.join(names)}.")
    return f"{page}#lesson={name}"
