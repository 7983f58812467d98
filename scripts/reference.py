"""Writes the reference page of hyperparameters, docs/rl/hyperparameters.md, from the table that checks them.

``--check`` only says whether the page is up to date.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from rl_zoo3.utils import ALGOS

from ca2_core.files import whole_file
from ca2_rl.zoo.hyperparams import reference
from ca2_rl.zoo.plugins import register
from ca2_rl.zoo.settings import ZOO

PAGE = Path(__file__).parents[1] / "docs" / "rl" / "hyperparameters.md"
HEAD = """# Hyperparameters

For a file (`--conf-file`) or the command line (`-params gamma:0.99 learning_rate:lin_1e-3`). `ca2-rl train --algo NAME --params-help` shows
those of any algorithm of SB3, sb3-contrib and ca2. Classes may be named: `activation_fn: nn.SiLU`, `optimizer_class: torch.optim.AdamW`.
"""


def page() -> str:
    """The page's content: what every algorithm takes, then what each of ours takes."""
    ours = {key: ALGOS[key] for key in register()}
    first = next(iter(ours.values()))
    parts = [HEAD, "## For every algorithm\n", _table(row for row in reference(first) if row[0] in ZOO)]
    for algorithm in ours.values():
        parts += [f"\n## {algorithm.__name__}\n", _table(row for row in reference(algorithm) if row[0] not in ZOO)]
    return "\n".join(parts)


def _table(rows: Iterable[tuple[str, str, str, str]]) -> str:
    lines = ["| hyperparameter | may be | default | what it does |", "| --- | --- | --- | --- |"]
    lines += [f"| `{name}` | {kind} | {default and f'`{default}`'} | {summary} |" for name, kind, default, summary in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == page() else f"{PAGE.name} is out of date: run python scripts/reference.py")
    with whole_file(PAGE) as partial:
        partial.write_text(page(), encoding="utf-8")
