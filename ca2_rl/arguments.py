"""Options of the form ``name:value``."""

import argparse
import re
from typing import Any

import yaml

from ca2_core.errors import UserError
from ca2_rl.loading.expressions import parse

# YAML's spelling and Python's
WORDS = {"true": "True", "false": "False", "null": "None", "none": "None"}


class Named(argparse.Action):
    """Parses values of the form ``name:value`` into a dict.

    A value is a Python literal, YAML's true, false or null, a list such as [1, episode], ``dict(name=value)`` or a name such as nn.ReLU.
    Any other word is text.
    """

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        found: dict[str, Any] = {}
        for item in values:
            name, colon, text = item.partition(":")
            if not colon or not name:
                raise UserError(f"{option} {item}: give name:value.")
            if name in found:
                raise UserError(f"{option} {item}: {name} is given twice.")
            text = WORDS.get(text, text)
            is_word = (
                re.fullmatch(r"[A-Za-z_][\w./-]*", text) and text not in ("True", "False", "None") and not text.startswith(("nn.", "th."))
            )
            found[name] = text if is_word else _list_of_words(text) or parse(text, f"{option} {name}")
        setattr(namespace, self.dest, found)


def _list_of_words(text: str) -> list[Any] | None:
    """A list of numbers and words without quotes, as YAML writes it; None for anything else."""
    if not re.fullmatch(r"\[\s*[\w.+-]+(\s*,\s*[\w.+-]+)*\s*\]", text) or re.search(r"\b(nn|th)\.", text):
        return None
    found: list[Any] = yaml.safe_load(text)
    return found
