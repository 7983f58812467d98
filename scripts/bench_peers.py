"""ca2's metrics beside torch-fidelity's and prdc's, on the same images: numbers, time and memory, into docs/gan/peers.json.

    python scripts/bench_peers.py && python scripts/tables.py

Drawn letters are on both sides, those of one with noise on their pixels. torch-fidelity has the reference classifier as feature extractor.
prdc starts from features, so ours does too. Each tool runs in a process of its own with one thread. Time and memory are those beyond its
imports and the data; the classifier is trained before. Linux only.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from evaluation_memory import MB, resident
from publishing import DOCS, origin, parser, save

from ca2_gan import evaluate
from ca2_gan.data import Dataset, load_data
from ca2_gan.metrics.classifier import reference_classifier
from ca2_gan.metrics.neighbours import NEAREST, precision_recall_density_coverage

RECORD = DOCS / "gan" / "peers.json"
NOISE = 40  # standard deviation, of 255 gray values

Scores = dict[str, float]


class RGB(torch.utils.data.Dataset[torch.Tensor]):
    """What torch-fidelity takes: uint8 images of three channels."""

    def __init__(self, images: np.ndarray):
        self.images = torch.from_numpy(images).expand(-1, 3, -1, -1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> torch.Tensor:
        return self.images[i]


def sides(n: int) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """The training split, n held-out images, and n of the training split with noise."""
    data = load_data("glyphs", size=8 * n)
    seen = data.train.images[:n]
    noise = np.random.default_rng(0).normal(0, NOISE, seen.shape)
    return data.train, data.test.images[:n], (seen + noise).round().clip(0, 255).astype(np.uint8)


def by_ca2(train: Dataset, real: np.ndarray, fake: np.ndarray) -> Scores:
    found = evaluate(fake, real, ["fcd", "kcd", "isc", "prdc"], train=train, resamples=0)
    return {name: found[name].value for name in ("fcd", "kcd", "isc", "precision", "recall")}


def by_torch_fidelity(train: Dataset, real: np.ndarray, fake: np.ndarray) -> Scores:
    import torch_fidelity  # noqa: PLC0415  (its imports do not count for the others)

    from ca2_gan.fidelity import register_classifier  # noqa: PLC0415

    name = f"letters{len(real)}"  # a name can be registered once
    register_classifier(name, train)
    asked: dict[str, Any] = {"fid": True, "isc": True, "isc_splits": 1, "kid": True, "kid_subsets": 1, "kid_subset_size": len(real)}
    quietly: dict[str, Any] = {"cuda": False, "cache": False, "verbose": False, "save_cpu_ram": True}
    found = torch_fidelity.calculate_metrics(
        input1=RGB(fake), input2=RGB(real), feature_extractor=name, prc=True, prc_neighborhood=NEAREST, **asked, **quietly
    )
    names = {
        "fcd": "frechet_inception_distance",
        "kcd": "kernel_inception_distance_mean",
        "isc": "inception_score_mean",
        "precision": "precision",
        "recall": "recall",
    }
    return {ours: float(found[theirs]) for ours, theirs in names.items()}


def by_our_prdc(real: np.ndarray, fake: np.ndarray) -> Scores:
    return {name: float(np.mean(values)) for name, values in precision_recall_density_coverage(real, fake).items()}


def by_prdc(real: np.ndarray, fake: np.ndarray) -> Scores:
    from prdc import compute_prdc  # noqa: PLC0415

    return {name: float(value) for name, value in compute_prdc(real, fake, nearest_k=NEAREST).items()}


TOOLS: dict[str, tuple[str, Callable[..., Scores]]] = {
    "ca2": ("images", by_ca2),
    "torch-fidelity": ("images", by_torch_fidelity),
    "ca2's prdc": ("features", by_our_prdc),
    "prdc": ("features", by_prdc),
}


def measure(tool: str, n: int) -> dict[str, Any]:
    """Scores, CPU seconds and memory of one tool, in this process."""
    torch.set_num_threads(1)
    kind, run = TOOLS[tool]
    train, *images = sides(n)
    network = reference_classifier(train).network
    if kind == "features":
        with torch.inference_mode():
            given: list[Any] = [network(torch.from_numpy(each).float() / 255)[0].double().numpy() for each in images]
    else:
        given = [train, *images]
    run(*[each[:200] if isinstance(each, np.ndarray) else each for each in given])  # imports what it needs
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux counts the most resident memory from here on
    before, begin = resident("VmRSS"), time.process_time()
    scores = run(*given)
    return {"scores": scores, "seconds": time.process_time() - begin, "megabytes": max(resident("VmHWM") - before, 0) / MB}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=5_000, help="images on each side (default: 5000)")
    options.add_argument("--rounds", type=int, default=3, help="default: 3")
    arguments = options.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1"}
    content = origin(("ca2", "torch", "numpy", "scipy", "scikit-learn", "torch-fidelity", "prdc"), threads=1) | {
        "n": arguments.n,
        "rounds": arguments.rounds,
    }
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("CA2_GAN_CACHE", folder)
        reference_classifier(sides(arguments.n)[0])  # trained once, for all
        runs: dict[str, list[dict[str, Any]]] = {tool: [] for tool in TOOLS}
        for _ in range(arguments.rounds):
            for tool, found in runs.items():
                with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # alternating, so that a busy machine slows all of them
                    found.append(pool.submit(measure, tool, arguments.n).result())
                print(tool, found[-1], file=sys.stderr)
    content["tools"] = {
        tool: {"kind": TOOLS[tool][0], "scores": found[0]["scores"]}
        | {key: median(each[key] for each in found) for key in ("seconds", "megabytes")}
        for tool, found in runs.items()
    }
    save(content, RECORD)


if __name__ == "__main__":
    main()
