"""What a user can put right."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake of the caller: the message names what is wrong and the next step. ``ca2-gan`` prints it as one line."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest of the known words as a question, with a space before it; empty if none is near."""
    by_lower = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f" Did you mean {by_lower[nearest[0]]!r}?" if nearest else ""
