"""What ``make demo`` runs: an agent is trained, evaluated and filmed; then a GAN is trained, evaluated and shown. Offline, on two cores."""

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ALGO, ENV = "discretizeddqn", "Pendulum-v1"
LOGS = Path("logs", "demo")
GAN, DATA, LETTERS = "cgan", "glyphs", "A,Q,R,T,U,Z"
# Two minutes show these networks some ten thousand images: few classes and small batches make the most of them
SHORT = ["--minutes", "2", "--batch-size", "8", "--log-every", "500", "--sample-every", "2000"]


def run(command: str, *arguments: str | Path) -> None:
    """Runs ``ca2-rl`` or ``ca2-gan`` in view, and leaves with its exit code if it fails."""
    print(f"\n$ {command} {' '.join(map(str, arguments))}", flush=True)
    code = subprocess.run([sys.executable, "-m", command.replace("-", "_"), *map(str, arguments)], check=False).returncode
    if code:
        sys.exit(code)


def demo_rl() -> list[str]:
    """An agent on the pendulum; what to look at."""
    agent = ["--algo", ALGO, "--env", ENV, "-f", LOGS]
    run("ca2-rl", "train", *agent, "--seed", "0", "--final-episodes", "0")
    folder = max(LOGS.glob(f"{ALGO}/{ENV}_*"), key=lambda path: int(path.name.rpartition("_")[2]))
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch, "result.json")
        run("ca2-rl", "evaluate", folder, "--json", result)
        regret = json.loads(result.read_text(encoding="utf-8"))["summary"][0]["regret"]["mean"]
    run("ca2-rl", "plot", folder, "--out", folder / "curves.png")
    run("ca2-rl", "record-video", *agent, "-n", "400")
    video = max(folder.glob("videos/*.mp4"), key=lambda path: path.stat().st_mtime)
    return [
        f"Regret to the optimum: {regret:.1f} (0: as good as the computed optimum)",
        f"Curves:  {folder / 'curves.png'}",
        f"Video:   {video}",
    ]


def demo_gan() -> list[str]:
    """A conditional GAN on letters; what to look at."""
    folder = next(path for i in itertools.count(1) if not (path := LOGS / f"{GAN}_{i}").exists())
    data = ["--data", DATA, "--classes", LETTERS]
    run("ca2-gan", "train", "--model", GAN, *data, "--out", folder, *SHORT)
    run("ca2-gan", "evaluate", folder, *data, "--metrics", "fcd,kl,prdc,acc", "--out", folder / "evaluation")
    run("ca2-gan", "sample", folder, "--labels", "QUARTZ", "--n", "8", "--seed", "0", "--out", folder / "quartz.png")
    run("ca2-gan", "compare", folder, "--out", folder / "page.html")
    return [f"Letters: {folder / 'page.html'}, {folder / 'quartz.png'}"]


if __name__ == "__main__":
    print("", *demo_rl(), *demo_gan(), sep="\n")
