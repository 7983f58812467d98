"""Does the jobs of a study that are not done yet, several at a time."""

import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_core.study.conditions import cpu_name
from ca2_gan.drawing import write
from ca2_gan.studies.bench import Bench
from ca2_gan.studies.jobs import Job
from ca2_gan.studies.training import train

BACKENDS = ("processes", "ray")

Attempt = tuple[Job, dict[str, Any]]
Benches = Mapping[str, Bench]


def cores(backend: str) -> int:
    """Trainings that can run at a time, a core each.

    :raises UserError: if ray is asked for and not installed
    """
    return int(_ray().cluster_resources()["CPU"]) if backend == "ray" else os.cpu_count() or 1


def run(jobs: Sequence[Job], benches: Benches, folder: Path, workers: int, backend: str = "processes", command: str = "") -> None:
    """Trains what has no file in the folder; each gets its file as soon as it is done.

    :param jobs: each of them once
    :param benches: by name of the data
    :param folder: of the jobs' files
    :param workers: trainings at a time
    :param backend: "processes" of this machine, or "ray": a cluster (``RAY_ADDRESS``), else a local one
    :param command: that the user gave, for the records
    :raises UserError: if ray is asked for and not installed
    """
    missing = [job for job in jobs if not (folder / job.file_name).is_file()]
    if not missing:
        return
    attempts = {"processes": _on_this_machine, "ray": _on_a_cluster}[backend](missing, benches, workers)
    with tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit="training") as progress:
        for job, record in attempts:
            write(folder / job.file_name, json.dumps(record | {"command": command}, allow_nan=False) + "\n")
            progress.update()


def _on_this_machine(jobs: Sequence[Job], benches: Benches, workers: int) -> Iterator[Attempt]:
    """By joblib's processes; in this one for a single worker."""
    # mmap_mode: a copy of what is written to; torch warns of arrays that it may not write to
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1, mmap_mode="c"):
        # One at a time: a batch would be lost as a whole
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
        yield from parallel(delayed(attempt)(job, benches[job.data], os.getpid()) for job in jobs)


def _on_a_cluster(jobs: Sequence[Job], benches: Benches, workers: int) -> Iterator[Attempt]:
    """By Ray itself: its backend for joblib gives back nothing before all is done."""
    ray = _ray()
    remote = ray.remote(num_cpus=1)(attempt)
    shared = {name: ray.put(bench) for name, bench in benches.items()}
    waiting, running = list(jobs), list[Any]()
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop(0)
            running.append(remote.remote(job, shared[job.data], os.getpid()))
        done, running = ray.wait(running)
        yield from ray.get(done)


def _ray() -> Any:
    """Ray, connected to its cluster."""
    try:
        ray = import_module("ray")  # an extra
    except ImportError as error:
        raise UserError("--backend ray needs a package that is not installed: pip install ray") from error
    if not ray.is_initialized():
        ray.init()
    return ray


def attempt(job: Job, bench: Bench, parent: int) -> Attempt:
    """One training; whatever goes wrong becomes a line in its record and stops no other.

    :param parent: id of the process that Ctrl-C is meant for
    """
    if os.getpid() != parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    decided = {"model": job.variant.model, **job.variant.decides, "data": job.data, "budget": asdict(job.budget), "seed": job.seed}
    known = decided | {"cpu": cpu_name()}
    try:
        return job, known | train(job, bench)
    except Exception as error:
        reason = " ".join(str(error).split())
        return job, known | {"error": f"{type(error).__name__}: {reason}"[:300]}
