"""Trains an agent on Pendulum-v1, judges it against the optimum and records its video: what ``make demo`` runs."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ALGO, ENV = "discretizeddqn", "Pendulum-v1"
LOGS = Path("logs", "demo")
STUDY_REGRET = 701  # of the study's DQN


def ca2_rl(*arguments: str | Path) -> None:
    """Runs a command in view, and leaves with its exit code if it fails."""
    print(f"\n$ ca2-rl {' '.join(map(str, arguments))}", flush=True)
    code = subprocess.run([sys.executable, "-m", "ca2_rl", *map(str, arguments)], check=False).returncode
    if code:
        sys.exit(code)


def main() -> None:
    agent = ["--algo", ALGO, "--env", ENV, "-f", LOGS]
    ca2_rl("train", *agent, "--seed", "0", "--verbose", "0", "--progress")
    run = max(LOGS.glob(f"{ALGO}/{ENV}_*"), key=lambda folder: int(folder.name.rpartition("_")[2]))
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.json")
        ca2_rl("evaluate", run, "--json", result)
        regret = json.loads(result.read_text(encoding="utf-8"))["summary"][0]["regret"]["mean"]
    ca2_rl("plot", run, "--out", run / "curves.png")
    ca2_rl("record-video", *agent, "-n", "400")
    video = max(run.glob("videos/*.mp4"), key=lambda path: path.stat().st_mtime)
    print(f"\nRegret to the optimum: {regret:.1f} (0 is the best possible, {STUDY_REGRET} the study that ca2 rebuilds got)")
    print(f"Curves: {run / 'curves.png'}")
    print(f"Video:  {video}")


if __name__ == "__main__":
    main()
