"""What exact resuming costs a training: CPU time of one save of the whole state, and of the chain of hashes.

    python scripts/resume_cost.py

`ca2-rl train` of each of our agents with its shipped settings for Pendulum-v1, 20,000 steps in one thread. Both are timed inside the
training; the whole is the CPU time of its steps, with evaluations, without start-up. Such a training ends before the five minutes between
two saves have passed: the one save is that of a stop, at its last step, when the buffer is as full as it gets.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from publishing import DOCS, as_command, origin, parser, save

from ca2_rl.commands import train
from ca2_rl.state.callback import SaveStates
from ca2_rl.state.hashes import HashChain
from ca2_rl.zoo.plugins import register

PACKAGES = ("stable-baselines3", "gymnasium", "torch", "numpy")
AGENTS = ("discretizeddqn", "noisydqn", "ouddpg")
LARGEST_SHARE = 0.02


class SaveAtLast(SaveStates):
    """Saves once, when the last rollout begins: the buffer is as full as it gets."""

    def _on_rollout_start(self) -> None:
        super()._on_rollout_start()
        if self.model.num_timesteps >= self.model._total_timesteps - self.model.n_envs and not self.cpu_seconds:
            self.save()


def measure(algo: str, steps: int, seed: int) -> dict[str, Any]:
    """One training."""
    options = train.options("resume_cost", "")
    options.set_defaults(resume=None)
    with TemporaryDirectory() as folder:
        argv = ["--algo", algo, "--env", "Pendulum-v1", "-n", str(steps), "--seed", str(seed), "-f", folder, "--quiet"]
        manager = train.start(options.parse_args(argv))
        manager.states = SaveAtLast(Path(), manager.args.save_every, facts=manager._facts)
        with manager.lock:
            experiment = manager.setup_experiment()
            assert experiment is not None  # it is no search
            begin = time.process_time()
            manager.learn(experiment[0])
            seconds = time.process_time() - begin
        size = sum(path.stat().st_size for path in manager.states.folder.rglob("*") if path.is_file())
    chain = next(callback for callback in manager.callbacks if isinstance(callback, HashChain))
    costs = {"save": manager.states.cpu_seconds, "hashes": chain.cpu_seconds}
    share = sum(costs.values()) / seconds
    return {
        "agent": algo,
        "training_seconds": seconds,
        **{f"{name}_seconds": cost for name, cost in costs.items()},
        "share": share,
        "bytes": size,
    }


def main() -> None:
    options: argparse.ArgumentParser = parser(__doc__)
    options.add_argument("--steps", type=int, default=20_000, help="(20000)")
    options.add_argument("--seed", type=int, default=0, help="(0)")
    options.add_argument(
        "--record", type=Path, default=DOCS / "rl" / "resume_cost.json", help="where the record goes (docs/rl/resume_cost.json)"
    )
    arguments = options.parse_args()
    register()
    rows = []
    for algo in AGENTS:
        rows.append(measure(algo, arguments.steps, arguments.seed))
        row = rows[-1]
        print(
            f"{algo}: {row['training_seconds']:.1f} s, one save {row['save_seconds']:.3f} s, hashes {row['hashes_seconds']:.3f} s: "
            f"{row['share']:.2%}; {row['bytes'] / 1e6:.1f} MB",
            flush=True,
        )
    save(origin(PACKAGES, threads=1) | {"steps": arguments.steps, "limit": LARGEST_SHARE, "rows": rows}, arguments.record)


if __name__ == "__main__":
    as_command(main)
