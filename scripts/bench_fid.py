"""Time of ``ca2-gan evaluate --metrics fid`` beside pytorch-fid's command, with the same Inception network.

    python scripts/bench_fid.py && python scripts/tables.py

Both are run as a user runs them, as processes, by turns, each in one thread. Inception has random weights, which take as long as the
real ones. The images are glyphs: held-out ones for both, and as many others that stand for fakes.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import torch
from PIL import Image
from publishing import DOCS, origin, parser, read, save
from pytorch_fid import inception

from ca2_gan.data import Dataset, load
from ca2_gan.metrics.samples import real_samples

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pytorch-fid")
WEIGHTS = Path(inception.FID_WEIGHTS_URL).name


def random_weights(path: Path) -> None:
    """A file as pytorch-fid's, with the network's first weights."""
    with mock.patch.object(inception, "load_state_dict_from_url"), mock.patch.object(torch.nn.Module, "load_state_dict"):
        network = inception.fid_inception_v3()
    path.parent.mkdir(parents=True)
    torch.save(network.state_dict(), path)


def write_images(data: Dataset, n: int, folder: Path) -> None:
    """The n images that ``ca2-gan evaluate`` takes of a part of the data."""
    folder.mkdir()
    for i, image in enumerate(real_samples(data, "").take(n, seed=0).images):
        Image.fromarray(image[0]).save(folder / f"{i:05}.png")


def run(command: list[str], environment: dict[str, str]) -> tuple[str, dict[str, float]]:
    """What it prints, and its seconds by the clock and on the processor."""
    before, wall = os.times(), time.perf_counter()
    printed = subprocess.run(command, env=os.environ | environment, check=True, capture_output=True, text=True).stdout
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return printed, {"cpu": cpu, "wall": time.perf_counter() - wall}


def measure(n: int, rounds: int, folder: Path) -> dict[str, Any]:
    """All rounds: pytorch-fid's command, ours with an empty cache, ours again."""
    weights = folder / "hub" / "checkpoints" / WEIGHTS  # where torch.hub looks before it downloads
    random_weights(weights)
    train, held_out = load("glyphs").split()
    write_images(held_out, n, folder / "real")
    write_images(train, n, folder / "fakes")
    theirs = [sys.executable, "-m", "pytorch_fid", str(folder / "fakes"), str(folder / "real"), "--device", "cpu", "--num-workers", "0"]
    ours = [sys.executable, "-m", "ca2_gan", "evaluate", str(folder / "fakes"), "--data", "glyphs", "--metrics", "fid", "--bootstrap", "0"]
    ours += ["--n", str(n), "--inception-weights", str(weights), "--out", str(folder / "scores")]
    times: dict[str, list[dict[str, float]]] = {"pytorch-fid": [], "first": [], "again": []}
    for i in range(rounds):
        environment = {"OMP_NUM_THREADS": "1", "TORCH_HOME": str(folder), "CA2_GAN_CACHE": str(folder / f"cache-{i}")}
        for name, command in (("pytorch-fid", theirs), ("first", ours), ("again", ours)):
            printed, seconds = run(command, environment)
            times[name].append(seconds)
            if name == "pytorch-fid":
                their_fid = float(re.findall(r"FID:\s+(\S+)", printed)[0])
            print(name, seconds, flush=True)
    evaluation = read(folder / "scores" / "evaluation.json")
    return {"n": n, "times": times, "fid": {"pytorch-fid": their_fid, "ours": evaluation["rows"][1]["scores"]["fid"]}}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=300, help="images on each side (300)")
    options.add_argument("--rounds", type=int, default=3, help="(3)")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(arguments.n, arguments.rounds, Path(folder))
    times = measured["times"]
    ratios = {
        name: [theirs["cpu"] / own["cpu"] for theirs, own in zip(times["pytorch-fid"], times[name], strict=True)]
        for name in ("first", "again")
    }
    print({name: median(each) for name, each in ratios.items()})
    save(origin(PACKAGES) | {"ratios": ratios} | measured, DOCS / "gan" / "fid.json")


if __name__ == "__main__":
    main()
