"""Trains agents with the shipped hyperparameters, three of each, and puts the best into rl-trained-agents/, with a card.

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
from ca2_rl.runs import Run, read_run
from ca2_rl.zoo.agents import saved_hyperparams
from ca2_rl.zoo.plugins import register

LOGS = Path("logs", "published")  # relative: it is kept in args.yml
ENVIRONMENTS = {algo: [PENDULUM] for algo in OURS} | {"rainbow": ["CartPole-v1", "LunarLander-v3", "MinAtar/Breakout-v1", PENDULUM]}
# Of ca2, for the env
EXTRAS = {"LunarLander-v3": "box2d", "MinAtar/Breakout-v1": "minatar"}
SEEDS = range(3)
# Episodes and first seed of their starts: of the choice among the trainings, and of what the card says
CHOICE, CARDS = (100, 40_000), (500, 50_000)
CARD = Path(__file__).with_name("agent_card.md")


def main() -> None:
    command_line = parser(__doc__)
    command_line.add_argument("--algo", nargs="+", choices=ENVIRONMENTS, default=list(ENVIRONMENTS), help="only these (default: all)")
    command_line.add_argument("--env", nargs="+", metavar="ID", help="only on these (default: all)")
    chosen = command_line.parse_args()
    os.chdir(ROOT)
    for algo in chosen.algo:
        for env_id in ENVIRONMENTS[algo]:
            if chosen.env is None or env_id in chosen.env:
                publish(max(train(algo, env_id), key=lambda run: evaluate(run, *CHOICE).returns.mean()))


def train(algo: str, env_id: str) -> list[Run]:
    """Trains an agent with each seed, in place of earlier ones."""
    name = env_id.replace("/", "-")
    for folder in (LOGS / algo).glob(f"{name}_*"):
        shutil.rmtree(folder)
    for seed in SEEDS:
        options = f"--algo {algo} --env {env_id} --seed {seed} -f {LOGS} --eval-freq -1 --final-episodes 0 -q"
        COMMAND.run(["train", *options.split()])
    return [read_run(LOGS / algo / f"{name}_{number}") for number, _ in enumerate(SEEDS, start=1)]


def publish(run: Run) -> None:
    """Copies what it takes to play an agent, packed, and says in a card how good it is."""
    target = Path("rl-trained-agents", run.algo, f"{run.params_folder.name}_1")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run.params_folder, target / run.params_folder.name)
    with zipfile.ZipFile(run.model_path) as model, zipfile.ZipFile(target / run.model_path.name, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in model.namelist():
            packed.writestr(name, model.read(name))
    (target / "README.md").write_text(card(run), encoding="utf-8")


def card(run: Run) -> str:
    """What a user should know of an agent before taking it."""
    evaluation = evaluate(run, *CARDS)
    returns = evaluation.returns
    measured = f"Its mean return over {len(returns)} episodes is {returns.mean():.1f} (standard deviation {returns.std():.1f}, "
    measured += f"lowest {returns.min():.1f})."
    if evaluation.regrets is not None:
        measured += f" The best possible on the same starts is {evaluation.regrets.mean():.1f} more."
    return CARD.read_text(encoding="utf-8").format(
        name=register()[run.algo].algorithm.__name__,
        algo=run.algo,
        env_id=run.env_id,
        seed=run.seed,
        steps=int(saved_hyperparams(run.params_folder)["n_timesteps"]),
        measured=measured,
        folder=run.params_folder.name,
        extra=f"\n- **Needs:** the extra `{EXTRAS[run.env_id]}`." if run.env_id in EXTRAS else "",
        versions=", ".join(f"{name} {number}" for name, number in versions(["ca2", "stable-baselines3", "gymnasium", "torch"]).items()),
    )


if __name__ == "__main__":
    as_command(main)
