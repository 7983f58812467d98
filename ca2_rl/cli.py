"""The ``ca2-rl`` command: a table of subcommands, each loaded when it is called."""

import sys
from importlib import import_module
from importlib.metadata import version

from ca2_core.errors import UserError, did_you_mean

COMMANDS = {
    "train": ("ca2_rl.zoo.commands:train", "train an agent, or go on with an interrupted training"),
    "enjoy": ("ca2_rl.zoo.commands:enjoy", "watch a trained agent"),
    "evaluate": ("ca2_rl.evaluate:main", "return of trained agents, and for Pendulum their regret to the optimum"),
    "plot": ("ca2_rl.plot:main", "gradient, loss, mean Q and return over the training of one or several runs"),
    "record-video": ("ca2_rl.zoo.commands:record_video", "record a video of a trained agent"),
    "explore": ("ca2_rl.explore:main", "what an environment is like: spaces, starts, rewards"),
    "optimize": ("ca2_rl.zoo.commands:optimize", "search hyperparameters with Optuna, also by several processes"),
    "study": ("ca2_rl.commands.study:main", "compare agents and settings over many seeds, in parallel: tables and figures"),
    "benchmark": ("ca2_rl.zoo.commands:benchmark", "evaluate all trained agents of a folder into one table"),
    "push-to-hub": ("ca2_rl.zoo.commands:push_to_hub", "publish a trained agent on the Hugging Face hub"),
}


def usage() -> str:
    """The help text."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    return f"""usage: ca2-rl COMMAND [options]

Trains, watches and judges agents of Stable-Baselines3, rl-zoo3 and ca2 (discretizeddqn, noisydqn, ouddpg).

commands:
{commands}

`ca2-rl COMMAND --help` shows a command's options, `ca2-rl --version` the version. For a start:
  ca2-rl train --algo noisydqn --env Pendulum-v1
  ca2-rl evaluate logs/noisydqn"""


def run(argv: list[str]) -> None:
    """Runs one command line.

    :raises UserError: if it is wrong
    """
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return
    if argv[0] in ("-V", "--version"):
        print(f"ca2 {version('ca2')}")
        return
    if argv[0] not in COMMANDS:
        raise UserError(f"no command {argv[0]!r}.{did_you_mean(argv[0], COMMANDS)} `ca2-rl --help` shows all.")
    module, _, function = COMMANDS[argv[0]][0].partition(":")
    getattr(import_module(module), function)(argv[1:])


def main() -> None:
    """Entry point: exit code 2 and one line for a mistake of the user's, 130 after Ctrl-C."""
    try:
        run(sys.argv[1:])
    except UserError as error:
        print(f"ca2-rl: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of a pipe left
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that can't be written to
        print(f"ca2-rl: {error.filename2 or error.filename or ''}: {error.strerror or error}".replace(": : ", ": "), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
