"""Options of the form ``name:value``."""

import argparse
import re
from typing import Any

from ca2_core.errors import UserError
from ca2_rl.loading.expressions import parse

# As YAML has them, and Python
WORDS = {"true": "True", "false": "False"}


class Named(argparse.Action):
    """Values ``name:value`` as a dict.

    A value is a literal, true or false as YAML has them, ``dict(name=value)``, a name such as nn.ReLU, or else text.
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
            found[name] = text if is_word else parse(text, f"{option} {name}")
        setattr(namespace, self.dest, found)
