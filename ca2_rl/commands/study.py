"""``ca2-rl study``: compares agents and settings on environments over several seeds, as described in a YAML file."""

import argparse
import shlex
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ca2_core.study.cases import Study
from ca2_core.study.command import conduct, make_parser, show
from ca2_core.study.conditions import versions
from ca2_core.study.results import Results
from ca2_rl.study.spec import make_benches, read_study
from ca2_rl.study.training import train

PACKAGES = ("ca2", "stable-baselines3", "sb3-contrib", "rl-zoo3", "gymnasium", "torch", "numpy")

DESCRIPTION = "Trains every variant in a YAML file on every environment in it with several seeds"

EXAMPLE = Path(__file__).parents[1] / "study" / "example.yml"


def parser(prog: str = "ca2-rl study") -> argparse.ArgumentParser:
    """Parser of the command line."""
    example = textwrap.indent(EXAMPLE.read_text(encoding="utf-8"), "  ")
    return make_parser(prog, DESCRIPTION, f"example of a file; all keys but `environments` and `variants` are optional:\n\n{example}")


def run_study(study: Study, arguments: argparse.Namespace, out: Path, command: str, published: Mapping[str, Any] | None = None) -> Results:
    """Runs the missing trainings of a study and collects all results.

    :param arguments: parsed by ``parser``
    :param out: folder of the study
    :param command: the command line, for the report
    :param published: an earlier ``study.json`` whose records are reused
    """
    place = str(arguments.file)
    return conduct(study, train, lambda cases: make_benches(cases, place), arguments, out, versions(PACKAGES), command, published)


def main(argv: list[str]) -> None:
    """``ca2-rl study``."""
    arguments = parser().parse_args(argv)
    study = read_study(arguments.file, arguments.quick)
    out = Path(arguments.out or f"studies/{study.name}")
    show(run_study(study, arguments, out, shlex.join(["ca2-rl", "study", *argv])), out)
