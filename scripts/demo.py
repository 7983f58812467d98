"""What ``make demo`` runs, offline, in less than five minutes on two cores: letters are written, learned and judged; an agent is trained,
judged and filmed.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

LOGS = Path("logs", "demo")
ALGO, ENV = "discretizeddqn", "Pendulum-v1"
GLYPHS = ["--data", "glyphs", "--classes", "A,Q,R,T,U,Z"]
NEXT = """Next:
  ca2-gan play                                       write with the models that come with the package, in the browser
  ca2-rl play                                        push the pendulum, and train an agent before your eyes
  ca2-rl train --algo rainbow --env CartPole-v1      another agent, another environment
"""


class Step(NamedTuple):
    """A part of the demo.

    :param title: what is done
    :param seconds: that it takes about, on two cores
    :param work: does it, and returns what to tell
    """

    title: str
    seconds: int
    work: Callable[[], str]


def main() -> None:
    LOGS.mkdir(parents=True, exist_ok=True)
    letters = next(path for i in itertools.count(1) if not (path := LOGS / f"letters_gan_{i}").exists())
    steps = [
        Step("Writing a word with a trained model", 10, write_word),
        Step("Training letters_gan on six letters", 70, lambda: train_letters(letters)),
        Step("Comparing its letters with real ones", 60, lambda: judge_letters(letters)),
        Step("Training an agent to swing up a pendulum", 50, train_agent),
        Step("Comparing it with the best possible agent", 50, judge_agent),
        Step("Filming it", 15, film_agent),
    ]
    begin = time.monotonic()
    for number, step in enumerate(steps, start=1):
        print(f"{number}/{len(steps)} {step.title}, about {step.seconds} s ...", flush=True)
        print(f"    {step.work()}", flush=True)
    print(f"\nDone in {time.monotonic() - begin:.0f} s.\n{NEXT}", end="")


def write_word() -> str:
    run("ca2-gan", "sample", "letters_gan/glyphs", "--labels", "QUARTZ", "--n", 4, "--seed", 0, "--out", LOGS / "word.png")
    return f"QUARTZ, four times: {LOGS / 'word.png'}"


def train_letters(folder: Path) -> str:
    run("ca2-gan", "train", "--model", "letters_gan", *GLYPHS, "--seed", 0, "--cpu-minutes", 1, "--out", folder)
    run("ca2-gan", "sample", folder, "--labels", "QUARTZ", "--n", 8, "--seed", 0, "--out", folder / "quartz.png")
    return f"What it draws after a minute: {folder / 'quartz.png'}"


def judge_letters(folder: Path) -> str:
    run("ca2-gan", "evaluate", folder, *GLYPHS, "--metrics", "fcd,acc", "--out", folder / "evaluation")
    floor, scores = (row["scores"] for row in json.loads((folder / "evaluation" / "evaluation.json").read_text(encoding="utf-8"))["rows"])
    return (
        f"Distance to real letters (FCD) {scores['fcd']:.0f}, of real letters {floor['fcd']:.0f}; "
        f"a classifier reads {scores['acc']:.0%} of them as what they should be"
    )


def train_agent() -> str:
    run("ca2-rl", "train", "--algo", ALGO, "--env", ENV, "-f", LOGS, "--seed", 0, "--final-episodes", 0)
    run("ca2-rl", "plot", agent(), "--out", agent() / "curves.png")
    return f"How it learned: {agent() / 'curves.png'}"


def judge_agent() -> str:
    run("ca2-rl", "evaluate", agent(), "--json", agent() / "evaluation.json")
    (summary,) = json.loads((agent() / "evaluation.json").read_text(encoding="utf-8"))["summary"]
    return f"Return {summary['return']['mean']:.0f}; an agent without fault gets {summary['regret']['mean']:.1f} more on average"


def film_agent() -> str:
    run("ca2-rl", "record-video", "--algo", ALGO, "--env", ENV, "-f", LOGS, "-n", 400)
    return f"Video: {max(agent().glob('videos/*.mp4'), key=lambda path: path.stat().st_mtime)}"


def agent() -> Path:
    """The latest run of the agent."""
    return max(LOGS.glob(f"{ALGO}/{ENV}_*"), key=lambda path: int(path.name.rpartition("_")[2]))


def run(command: str, *arguments: str | int | Path) -> None:
    """Runs ``ca2-rl`` or ``ca2-gan`` out of view. If it fails, shows what it printed, and leaves with its exit code."""
    call = [sys.executable, "-m", command.replace("-", "_"), *map(str, arguments)]
    done = subprocess.run(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print(f"$ {command} {' '.join(map(str, arguments))}\n{done.stdout}", file=sys.stderr)
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
