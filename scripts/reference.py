"""Writes the reference pages of settings from the tables that check them, and those of the commands from their parsers.

``--check`` only says whether the pages are up to date.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from rl_zoo3.utils import ALGOS

from ca2_core.command import Command
from ca2_core.files import whole_file
from ca2_core.settings import name_of
from ca2_core.tables import Table
from ca2_gan.cli import COMMAND as CA2_GAN
from ca2_gan.registry import games
from ca2_gan.training.config import groups
from ca2_gan.training.settings import Entry, entries, text_of
from ca2_rl.cli import COMMAND as CA2_RL
from ca2_rl.zoo.hyperparams import reference
from ca2_rl.zoo.plugins import register
from ca2_rl.zoo.settings import ZOO

FIRST_GAME = "adversarial"
DOCS = Path(__file__).parents[1] / "docs"
AGENTS = """# Hyperparameters

For a file (`--conf-file`) or the command line (`-params gamma:0.99 learning_rate:lin_1e-3`). `ca2-rl train --algo NAME --params-help` shows
those of any algorithm of SB3, sb3-contrib and ca2. Classes may be named: `activation_fn: nn.SiLU`, `optimizer_class: torch.optim.AdamW`,
`features_extractor_class: MinAtarCNN`.
"""
GANS = """# Settings of a training

For the command line (`ca2-gan train --lr-g 1e-3`), a file (`--config FILE`, or `hyperparams/gan/MODEL.yml`: `lr_g: 1e-3`) or Python
(`Trainer("cgan", data, lr_g=1e-3)`). A model's own file may have other defaults: `ca2-gan train --model cgan --help-all` shows them.
Options of a model, such as `width`, go into `options`; [its page](README.md#models) has them.
"""


def agents() -> str:
    """What every algorithm takes, then what each of ours takes."""
    ours = {key: ALGOS[key] for key in register()}
    first = next(iter(ours.values()))
    parts = [AGENTS, "## For every algorithm\n", _table("hyperparameter", (row for row in reference(first) if row[0] in ZOO))]
    for algorithm in ours.values():
        parts += [f"\n## {algorithm.__name__}\n", _table("hyperparameter", (row for row in reference(algorithm) if row[0] not in ZOO))]
    return "\n".join(parts)


def gans() -> str:
    """The groups of settings, then what other games add to the options of the first."""
    parts = [GANS]
    for title, group in groups(FIRST_GAME).items():
        parts += [f"## {title.capitalize()}\n", _table("setting", map(_row, entries(group).values()))]
        if title == "game":
            first = entries(group)
            for game in [game for game in games if game != FIRST_GAME]:
                own = entries(games.get(game).Options)
                without = ", ".join(f"`{name}`" for name in first if name not in own)
                parts += [f"## Game {game}\n", f"All of the above{f' but {without}' if without else ''}, and:\n"]
                parts += [_table("setting", (_row(entry) for name, entry in own.items() if name not in first))]
    return "\n".join(parts)


def _row(entry: Entry) -> tuple[str, str, str, str]:
    default = str(entry.default) if isinstance(entry.default, int) else text_of(entry.default)
    return entry.name, ", ".join(filter(None, [name_of(entry.type), entry.facts.range])), default, entry.facts.help


def _table(what: str, rows: Iterable[tuple[str, str, str, str]]) -> str:
    cells = [[f"`{name}`", kind, default and f"`{default}`", summary] for name, kind, default, summary in rows]
    return Table([what, "may be", "default", "what it does"], cells, texts=4).markdown() + "\n"


def commands(command: Command) -> str:
    """A section with a table of options for each subcommand."""
    parts = [f"# {command.name}\n", f"{command.description}\n"]
    parts += [f"- [`{name}`](#{command.name}-{name}): {subcommand.summary}" for name, subcommand in command.subcommands.items()]
    for name in command.subcommands:
        parser = parser_of(command, name)
        parts += [f"\n## {command.name} {name}\n", f"{' '.join((parser.description or '').split())}\n"]
        parts += [_table_of_options(parser).rstrip()]
    return "\n".join([*parts, ""])


def parser_of(command: Command, name: str) -> argparse.ArgumentParser:
    """The parser of a subcommand, with all of its options."""
    found: list[argparse.ArgumentParser] = []
    with patch.object(argparse.ArgumentParser, "print_help", lambda parser, *_: found.append(parser)), suppress(SystemExit):
        command.run([name, "--help-all" if command is CA2_GAN and name == "train" else "--help"])
    return found[0]


def _table_of_options(parser: argparse.ArgumentParser) -> str:
    cells = [[f"`{option}`", text.replace("|", "\\|")] for option, text in _options(parser)]
    return Table(["option", "what it does"], cells, texts=2).markdown() + "\n"


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        value = action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper())
        value = " ".join(value) if isinstance(value, tuple) else value
        if action.nargs in ("*", "+"):
            value = f"{value} ..."
        if action.nargs == "?" and action.option_strings:
            value = f"[{value}]"
        names = ", ".join(action.option_strings)
        option = f"{names} {value}" if names and action.nargs != 0 else names or value
        yield option, (action.help or "") % (vars(action) | {"prog": parser.prog})


PAGES = {
    DOCS / "rl" / "hyperparameters.md": agents,
    DOCS / "gan" / "settings.md": gans,
    DOCS / "reference" / "ca2-rl.md": lambda: commands(CA2_RL),
    DOCS / "reference" / "ca2-gan.md": lambda: commands(CA2_GAN),
}

if __name__ == "__main__":
    for page, content in PAGES.items():
        if "--check" not in sys.argv:
            with whole_file(page) as partial:
                partial.write_text(content(), encoding="utf-8")
        elif not page.is_file() or page.read_text(encoding="utf-8") != content():
            sys.exit(f"{page.name} is out of date: run python scripts/reference.py")
