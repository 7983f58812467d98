"""The ``ca2-rl`` command."""

from collections.abc import Sequence

from ca2_core.command import Command, Subcommand
from ca2_core.notes import printed_notes

COMMAND = Command(
    "ca2-rl",
    "Trains, plays and evaluates agents of Stable-Baselines3, rl-zoo3 and ca2 (discretizeddqn, noisydqn, ouddpg, rainbow).",
    {
        "train": Subcommand("ca2_rl.commands.train:main", "train an agent, or go on with an interrupted training"),
        "verify": Subcommand("ca2_rl.commands.verify:main", "train a run again, and say at which step the two differ, if they do"),
        "enjoy": Subcommand("ca2_rl.commands.enjoy:main", "watch a trained agent"),
        "evaluate": Subcommand("ca2_rl.evaluate:main", "return of trained agents, and their regret where the optimum is known"),
        "plot": Subcommand("ca2_rl.plot:main", "gradient, loss, mean Q and return over the training of one or several runs"),
        "play": Subcommand("ca2_rl.commands.play:main", "watch, compare and train agents of the pendulum in a browser"),
        "record-video": Subcommand("ca2_rl.commands.record_video:main", "record a video of a trained agent"),
        "explore": Subcommand("ca2_rl.explore:main", "what an environment is like: spaces, starts, rewards"),
        "optimize": Subcommand("ca2_rl.commands.train:optimize", "search hyperparameters with Optuna, also by several processes"),
        "check": Subcommand("ca2_rl.commands.check:main", "check a solution of an exercise of the course, and explain what is wrong"),
        "study": Subcommand("ca2_rl.commands.study:main", "compare agents and settings over many seeds, in parallel: tables and figures"),
        "benchmark": Subcommand("ca2_rl.commands.benchmark:main", "evaluate all trained agents of a folder into one table"),
        "push-to-hub": Subcommand("ca2_rl.commands.push_to_hub:main", "publish a trained agent on the Hugging Face hub"),
    },
    ["train --algo noisydqn --env Pendulum-v1", "evaluate logs/noisydqn"],
)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one command line as a process does, see ``Command.main``."""
    with printed_notes("ca2_rl"):
        COMMAND.main(argv)
