"""The ``ca2-rl`` command."""

from collections.abc import Sequence

from ca2_core.command import Command, Subcommand
from ca2_core.notes import printed_notes

COMMAND = Command(
    "ca2-rl",
    "Trains, plays and evaluates agents of Stable-Baselines3, rl-zoo3 and ca2 (discretizeddqn, noisydqn, ouddpg, rainbow).",
    {
        "train": Subcommand("ca2_rl.commands.train:main", "train an agent, or resume an interrupted training"),
        "verify": Subcommand("ca2_rl.commands.verify:main", "repeat a training and report the first step at which it differs"),
        "enjoy": Subcommand("ca2_rl.commands.enjoy:main", "watch a trained agent"),
        "evaluate": Subcommand("ca2_rl.evaluate:main", "measure the return of trained agents, and their regret where the optimum is known"),
        "plot": Subcommand("ca2_rl.plot:main", "plot gradient norm, loss, mean Q and return over the training of one or several runs"),
        "play": Subcommand("ca2_rl.commands.play:main", "watch, compare and train agents of the pendulum in a browser"),
        "record-video": Subcommand("ca2_rl.commands.record_video:main", "record a video of a trained agent"),
        "explore": Subcommand("ca2_rl.explore:main", "describe an environment: spaces, initial states, rewards"),
        "optimize": Subcommand("ca2_rl.commands.train:optimize", "search hyperparameters with Optuna, in one or several processes"),
        "check": Subcommand("ca2_rl.commands.check:main", "check a solution to an exercise of the course, and explain what is wrong"),
        "study": Subcommand("ca2_rl.commands.study:main", "compare agents and settings over many seeds, with tables and figures"),
        "benchmark": Subcommand("ca2_rl.commands.benchmark:main", "evaluate all trained agents of a folder in one table"),
        "push-to-hub": Subcommand("ca2_rl.commands.push_to_hub:main", "publish a trained agent on the Hugging Face hub"),
    },
    ["train --algo noisydqn --env Pendulum-v1", "evaluate logs/noisydqn"],
)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one command line and exits with its status, see ``Command.main``."""
    with printed_notes("ca2_rl"):
        COMMAND.main(argv)
