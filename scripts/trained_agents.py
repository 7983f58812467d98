"""Trains agents with the shipped hyperparameters, and puts those of seed 0 into rl-trained-agents/, with a card each.

All runs stay in logs/published, for ``pictures_rl.py``.
"""

import os
import shutil
import zipfile
from pathlib import Path

from publishing import ROOT, as_command, parser
from rl_reports import OURS, PENDULUM

from ca2_core.study.conditions import versions
from ca2_rl.cli import COMMAND
from ca2_rl.evaluate import evaluate
from ca2_rl.runs import Run, find_runs
from ca2_rl.zoo.agents import saved_hyperparams
from ca2_rl.zoo.plugins import register

LOGS = Path("logs", "published")  # relative: it is kept in args.yml
ENVIRONMENTS = {algo: [PENDULUM] for algo in OURS} | {"rainbow": ["CartPole-v1", "LunarLander-v3", "MinAtar/Breakout-v1", PENDULUM]}
# Of ca2, for the env
EXTRAS = {"LunarLander-v3": "box2d", "MinAtar/Breakout-v1": "minatar"}
SEEDS = range(3)
EPISODES, FIRST_START = 500, 50_000
CARD = Path(__file__).with_name("agent_card.md")


def main() -> None:
    command_line = parser(__doc__)
    command_line.add_argument("--algo", nargs="+", choices=ENVIRONMENTS, default=list(ENVIRONMENTS), help="only these (default: all)")
    algos = command_line.parse_args().algo
    os.chdir(ROOT)
    for algo in algos:
        shutil.rmtree(LOGS / algo, ignore_errors=True)
        for env_id in ENVIRONMENTS[algo]:
            for seed in SEEDS if env_id == PENDULUM else SEEDS[:1]:
                options = f"--algo {algo} --env {env_id} --seed {seed} -f {LOGS} --eval-freq -1 --final-episodes 0 -q"
                COMMAND.run(["train", *options.split()])
    for run in find_runs(LOGS / algo for algo in algos):
        if run.seed == SEEDS[0]:
            publish(run)


def publish(run: Run) -> None:
    """Copies what it takes to play an agent, packed, and says in a card how good it is."""
    target = Path("rl-trained-agents", run.algo, f"{run.params_folder.name}_1")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run.params_folder, target / run.params_folder.name, ignore=shutil.ignore_patterns("*.tmp"))
    with zipfile.ZipFile(run.model_path) as model, zipfile.ZipFile(target / run.model_path.name, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in model.namelist():
            packed.writestr(name, model.read(name))
    (target / "README.md").write_text(card(run), encoding="utf-8")


def card(run: Run) -> str:
    """What a user should know of an agent before taking it."""
    evaluation = evaluate(run, EPISODES, FIRST_START)
    measured = f"Its mean return over {EPISODES} episodes is {evaluation.returns.mean():.1f} (standard deviation {evaluation.returns.std():.1f}"
    measured += f", lowest {evaluation.returns.min():.1f})."
    if evaluation.regrets is not None:
        measured += f" The best possible on the same starts is {evaluation.regrets.mean():.1f} more."
    return CARD.read_text(encoding="utf-8").format(
        name=register()[run.algo].algorithm.__name__,
        algo=run.algo,
        env_id=run.env_id,
        steps=int(saved_hyperparams(run.params_folder)["n_timesteps"]),
        measured=measured,
        folder=run.params_folder.name,
        extra=f"\n- **Needs:** the extra `{EXTRAS[run.env_id]}`." if run.env_id in EXTRAS else "",
        versions=", ".join(f"{name} {number}" for name, number in versions(["ca2", "stable-baselines3", "gymnasium", "torch"]).items()),
    )


if __name__ == "__main__":
    as_command(main)
