"""Last lines of ``ca2-rl train``: an evaluation of the last model, and commands to run next."""

import shlex
import time
from collections.abc import Sequence

import gymnasium as gym
import numpy as np

from ca2_core.errors import UserError
from ca2_rl.environments import with_limit
from ca2_rl.evaluate import Evaluation, evaluate, summary
from ca2_rl.runs import Run
from ca2_rl.zoo.agents import load_agent, saved_hyperparams
from ca2_rl.zoo.printing import lengths_text

# Seed of the first env; the next one has SEED + 1. Far from any seed that a user would give a training
SEED = 1_000_000_000
MAX_SECONDS = 30.0
# Episodes from which the time of the others is estimated
PROBE = 10


def final_evaluation(run: Run, episodes: int, steps_per_second: float, packages: Sequence[str], trust: bool) -> str:
    """Evaluates the last model as ``ca2-rl evaluate`` does, with seeds unlikely to occur in a training, and describes the result.

    :param run: a finished training
    :param episodes: number of episodes; fewer are played if these would take more than ``MAX_SECONDS``
    :param steps_per_second: speed of the training with its evaluations; playing without gradient steps is faster
    :param packages: packages to import because they register envs
    :param trust: whether the run's files may run code
    """

    def play(first: int, count: int) -> Evaluation:
        return evaluate(run, count, SEED + first, packages=packages, trust=trust, computes_optimum=False)

    steps = _episode_steps(run)
    if steps is None:
        return "Last model: not evaluated, because the length of its episodes is unknown."
    if steps / steps_per_second > MAX_SECONDS:
        return f"Last model: not evaluated, because one episode may take {steps / steps_per_second:,.0f} s."
    first = min(PROBE, episodes, max(int(MAX_SECONDS * steps_per_second / steps), 1))
    begin = time.perf_counter()
    try:
        parts = [play(0, first)]
        seconds = time.perf_counter() - begin
        others = min(episodes - first, int((MAX_SECONDS - seconds) * first / seconds))
        if others > 0:
            parts.append(play(first, others))
    except UserError as error:
        return f"Last model: not evaluated: {error}"
    returns = np.concatenate([part.returns for part in parts])
    count = f"{len(returns)} new episodes of {lengths_text(np.concatenate([part.lengths for part in parts]))}"
    if len(returns) < episodes:
        count += f" ({episodes} would take {episodes * seconds / first:,.0f} s)"
    numbers = summary(returns)
    text = f"Last model over {count}: return {numbers['mean']:.1f}, std {numbers['std']:.1f}, IQM {numbers['iqm']:.1f}"
    regrets = [part.regrets for part in parts if part.regrets is not None]
    return f"{text}, regret {np.concatenate(regrets).mean():.1f}" if regrets else text


def _episode_steps(run: Run) -> float | None:
    """Mean length of the last evaluation's episodes; without an evaluation, the env's time limit or that of evaluations."""
    path = run.folder / "evaluations.npz"
    if path.is_file():
        with np.load(path) as evaluations:
            return float(evaluations["ep_lengths"][-1].mean())
    limit: int | None = with_limit(run.env_id, {}).get("max_episode_steps", gym.spec(run.env_id).max_episode_steps)
    return limit


def next_commands(run: Run, packages: Sequence[str]) -> str:
    """Commands to run next, with the path of the run."""
    options = ["--trust"] if _needs_trust(run) else []
    if packages:
        options += ["--gym-packages", *packages]
    folder = str(run.folder)
    commands = [["evaluate", folder, *options], ["plot", folder]]
    if run.number:
        logs = str(run.folder.parents[1])
        commands.insert(0, ["enjoy", "--algo", run.algo, "--env", run.env_id, "-f", logs, "--exp-id", str(run.number), *options])
    return "\n".join(["Next:", *(f"  ca2-rl {shlex.join(command)}" for command in commands)])


def _needs_trust(run: Run) -> bool:
    """Whether the run's files name the user's own code, which other commands refuse to load without ``--trust``."""
    try:
        saved_hyperparams(run.params_folder)
        load_agent(run.algo, run.model_path)
    except UserError:
        return True
    return False
