"""``ca2-rl study``: compares agents, settings and environments over seeds, as a file says."""

import argparse
import shlex
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

DESCRIPTION = "Trains every variant of a YAML file on every environment of it with several seeds"

EXAMPLE = """\
a file, with every key but `environments` and `variants` optional:

  title: Does noise help?
  seeds: 5                             # or a list: [0, 1, 2]
  n_timesteps: 20000                   # without it, each variant's own
  gym_packages: [my_envs]              # modules that register environments, also next to this file
  evaluation:
    metric: return                     # or regret: optimum minus return, on Pendulum-v1
    episodes: 100                      # of the last model
    evaluations: 20                    # during the training, of
    curve_episodes: 20                 # episodes each
    thresholds: [-200]                 # when is it reached?
  environments:
    Pendulum-v1:
      evaluation: {metric: regret, thresholds: [15]}
    heavy:
      id: Pendulum-v1
      env_kwargs: {g: 15.0}            # of training and evaluation
      eval_env_kwargs: {}              # of the evaluation alone, on top
      n_timesteps: 30000
    CartPole-v1:
  variants:
    noisy:
      algo: noisydqn                   # any of the zoo's: ca2's have their shipped hyperparameters, others the zoo's
    noisy, wide:
      algo: noisydqn
      policy_kwargs: {net_arch: [256, 256]}   # on top; null takes a hyperparameter away
    SB3's DQN:
      algo: dqn
      base: zoo                        # or shipped, none, or another algorithm's: shipped/discretizeddqn
      environments: [CartPole-v1]      # not on all
"""


def parser(prog: str = "ca2-rl study") -> argparse.ArgumentParser:
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
    return conduct(study, train, lambda cases: make_benches(cases, place), arguments, out, versions(PACKAGES), command, published)


def main(argv: list[str]) -> None:
    """``ca2-rl study``."""
    arguments = parser().parse_args(argv)
    study = read_study(arguments.file, arguments.quick)
    out = Path(arguments.out or f"studies/{study.name}")
    show(run_study(study, arguments, out, shlex.join(["ca2-rl", "study", *argv])), out)
