"""``ca2-gan study``: compares models and settings over data, budgets and seeds, as a file says."""

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ca2_core.study.cases import Study
from ca2_core.study.command import conduct, make_parser, show
from ca2_core.study.results import Results
from ca2_gan.folders import own_folder
from ca2_gan.study.spec import make_benches, read_study
from ca2_gan.study.training import measure
from ca2_gan.versions import versions

DESCRIPTION = "Trains every variant of a YAML file on every data set of it, for every budget and with several seeds"

EXAMPLE = """\
a file, with every key but `data` and `variants` optional:

  title: Does spectral norm help?
  seeds: 5                             # or a list: [0, 1, 2]; default: 3
  packages: [my_gans]                  # modules that register models, losses, metrics, also next to this file
  metrics: [fcd, kl, prdc, acc]        # of `ca2-gan evaluate`; variants are compared by the first
  second: [fcd, acc]                   # also by an independent classifier
  budgets:                             # each training once for each
  - cpu_minutes: 5                     # of a core, without measurements, which minutes of the clock count too
  - images: 100000
  - minutes: 10
  data:
    glyphs:                            # a name or path that `ca2-gan train --data` takes
    letters:
      source: letters.csv              # paths are found next to this file, too
      classes: [A, B, C]
      resize: 28                       # or 28x32
      transpose: false
      invert: true
      budgets: [cpu_minutes: 10]       # instead of the study's
    digits:
      source: mnist
      root: downloads                  # where the files of emnist-letters, mnist, fashion-mnist are or go
    few:
      source: glyphs
      size: 5000
  variants:
    as shipped:
      model: letters_gan               # with the settings of hyperparams/gan
    without spectral norm:
      model: letters_gan
      options: {d_spectral_norm: false}      # and any other setting of `ca2-gan train --help-all`
      lr_d: 1e-3
      group: letters_gan               # a table of its own
    one for each class:
      model: dcgan
      per_class: true                  # each with its part of the budget
      standing: false                  # BatchNorms as they are in training
      seeds: 1                         # no more than the first of the study's
      tasks: [glyphs, "letters, 10 CPU minutes"]   # not on all: data sets, or one with a budget
"""


def parser(prog: str = "ca2-gan study") -> argparse.ArgumentParser:
    """The command line."""
    return make_parser(prog, DESCRIPTION, EXAMPLE)


def run_study(study: Study, arguments: argparse.Namespace, out: Path, command: str, published: Mapping[str, Any] | None = None) -> Results:
    """Trains what is missing of a study, and gathers it.

    :param arguments: as ``parser`` parses them
    :param out: its folder
    :param command: the command line, for the report
    :param published: an earlier ``study.json`` to go on from
    """
    place = str(arguments.file)
    return conduct(study, measure, lambda cases: make_benches(cases, place), arguments, out, versions(), command, published)


def main(argv: list[str]) -> None:
    """``ca2-gan study``."""
    arguments = parser().parse_args(argv)
    out = Path(arguments.out or f"studies/{arguments.file.stem}")
    with own_folder(out):
        show(run_study(read_study(arguments.file, arguments.quick), arguments, out, shlex.join(["ca2-gan", "study", *argv])), out)
