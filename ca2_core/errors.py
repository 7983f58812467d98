"""What a user can put right."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake of the caller: names what is wrong and the next step. Commands print it as one line and exit with status 2."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The nearest of the known words as a question, with a space before it; empty if none is near.

    :param word: as a file has it, which may be no text
    """
    by_lower = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(str(word).lower(), by_lower, n=1)
    return f" Did you mean {by_lower[nearest[0]]!r}?" if nearest else ""
