"""On other systems, as far as they can be simulated: no compiler, no fork, no POSIX modules, another name of the platform."""

import subprocess
import sys

import pytest

# Other packages choose their code for the platform when they are imported, so they come first
PROGRAM = """
import multiprocessing, os, sys
import filelock, gymnasium, huggingface_hub, joblib, lightning_fabric, matplotlib.pyplot, moviepy, optuna, pandas, platformdirs, pyarrow
import requests, rl_zoo3, safetensors.torch, sb3_contrib, scipy.stats, sklearn.manifold, sqlalchemy, stable_baselines3, tensorboard, torch
import torch._dynamo, torch.utils.tensorboard, torchvision, tqdm

multiprocessing.set_start_method("spawn")
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("fork", "forkpty", "killpg", "setsid", "sched_getaffinity"):
    vars(os).pop(name, None)
os.environ["PATH"] = ""
sys.platform = sys.argv[1]
from ca2_{half}.cli import main

for command in {commands}:
    sys.argv = ["ca2-{half}", *command]
    main()
"""
COMMANDS = {
    "rl": [
        "train --algo discretizeddqn --env Pendulum-v1 -n 1500 --eval-freq -1 --final-episodes 1",
        "evaluate logs/discretizeddqn/Pendulum-v1_1 --episodes 1",
        "plot logs/discretizeddqn/Pendulum-v1_1 --out curves.png",
    ],
    "gan": [
        "train --model letters_gan --data glyphs --images 64 --out run --no-progress --compile",
        "sample run --labels QUARTZ --out word.png",
        "export run --onnx",
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("half", COMMANDS)
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_commands_work_with_at_most_one_warning(platform, half, tmp_path):
    program = PROGRAM.format(half=half, commands=[command.split() for command in COMMANDS[half]])
    done = subprocess.run([sys.executable, "-c", program, platform], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if not line.startswith("Computing the optimum of Pendulum takes")]
    assert len(warnings) <= 1, done.stderr
    assert all("compile" in line for line in warnings), done.stderr
    assert sum(path.is_file() and not path.name.startswith(".") for path in tmp_path.iterdir()) == {"rl": 1, "gan": 2}[half]
