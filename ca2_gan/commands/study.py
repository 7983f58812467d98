"""``ca2-gan study``: compares models and settings over data, budgets and seeds, as a YAML file describes."""

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

DESCRIPTION = "Trains every variant in a YAML file on every data set in it, for every budget and with several seeds"

EXAMPLE = """\
an example; all keys but `data` and `variants` are optional:

  title: Does spectral norm help?
  seeds: 5                             # or a list: [0, 1, 2]; default: 3
  packages: [my_gans]                  # modules that register models, losses, metrics, also next to this file
  metrics: [fcd, kl, prdc, acc]        # of `ca2-gan evaluate`; variants are compared by the first
  second: [fcd, acc]                   # measured with an independent classifier, too
  budgets:                             # each variant is trained once for each
  - cpu_minutes: 5                     # of one core, without measurements, which `minutes` include
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
      root: downloads                  # folder to download emnist-letters, mnist, fashion-mnist to
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
      per_class: true                  # each class gets an equal part of the budget
      standing: false                  # sample with the BatchNorm statistics of the training
      seeds: 1                         # only the first of the study's seeds
      tasks: [glyphs, "letters, 10 CPU minutes"]   # only on these: data sets, or one with a budget
"""


def parser(prog: str = "ca2-gan study") -> argparse.ArgumentParser:
    """The command line."""
    return make_parser(prog, DESCRIPTION, EXAMPLE)


def run_study(study: Study, arguments: argparse.Namespace, out: Path, command: str, published: Mapping[str, Any] | None = None) -> Results:
    """Runs the trainings that are missing from a study, and gathers the results.

    :param arguments: as ``parser`` parses them
    :param out: folder of the study
    :param command: the command line, for the report
    :param published: an earlier ``study.json`` to continue from
    """
    place = str(arguments.file)
    return conduct(study, measure, lambda cases: make_benches(cases, place), arguments, out, versions(), command, published)


def main(argv: list[str]) -> None:
    """``ca2-gan study``."""
    arguments = parser().parse_args(argv)
    out = Path(arguments.out or f"studies/{arguments.file.stem}")
    with own_folder(out):
        show(run_study(read_study(arguments.file, arguments.quick), arguments, out, shlex.join(["ca2-gan", "study", *argv])), out)
