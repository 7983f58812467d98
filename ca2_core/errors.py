"""Errors that a user can fix."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake of the user. The message says what is wrong and what to do. Commands print it as one line and exit with status 2."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The closest known word as a question, with a leading space; empty if no word is close.

    :param word: what the user wrote; a value from a YAML file need not be a string
    """
    by_lower = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(str(word).lower(), by_lower, n=1)
    return f" Did you mean {by_lower[nearest[0]]!r}?" if nearest else ""
