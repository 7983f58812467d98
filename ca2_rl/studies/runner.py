"""Does the jobs of a study that are not done yet, several at a time."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_rl.studies.conditions import cpu_name
from ca2_rl.studies.jobs import Job
from ca2_rl.studies.training import Evaluations, train

BACKENDS = ("processes", "ray")

Attempt = tuple[Job, dict[str, Any]]


def cores(backend: str) -> int:
    """Trainings that can run at a time, a core each.

    :raises UserError: if ray is asked for and not installed
    """
    return int(_ray().cluster_resources()["CPU"]) if backend == "ray" else os.cpu_count() or 1


def run(jobs: Sequence[Job], folder: Path, workers: int, backend: str = "processes", evaluations: Evaluations | None = None) -> None:
    """Trains what has no file in the folder; each gets its file as soon as it is done.

    :param jobs: each of them once
    :param folder: of the jobs' files
    :param workers: trainings at a time
    :param backend: "processes" of this machine, or "ray": a cluster (``RAY_ADDRESS``), else a local one
    :param evaluations: other starts than those of the studies; a folder is for one choice of them
    :raises UserError: if ray is asked for and not installed
    """
    missing = [job for job in jobs if not (folder / job.file_name).is_file()]
    if not missing:
        return
    attempts = {"processes": _on_this_machine, "ray": _on_a_cluster}[backend](missing, workers, evaluations or Evaluations.sample())
    with tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit="training") as progress:
        for job, record in attempts:
            with whole_file(folder / job.file_name) as partial:
                partial.write_text(json.dumps(record, allow_nan=False) + "\n", encoding="utf-8")
            progress.update()


def _on_this_machine(jobs: Sequence[Job], workers: int, evaluations: Evaluations) -> Iterator[Attempt]:
    """By joblib's processes; in this one for a single worker."""
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1):
        # One at a time: a batch would be lost as a whole
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
        yield from parallel(delayed(attempt)(job, evaluations, os.getpid()) for job in jobs)


def _on_a_cluster(jobs: Sequence[Job], workers: int, evaluations: Evaluations) -> Iterator[Attempt]:
    """By Ray itself: its backend for joblib gives back nothing before all is done."""
    ray = _ray()
    remote = ray.remote(num_cpus=1)(attempt)
    shared = ray.put(evaluations)
    waiting, running = list(jobs), list[Any]()
    while waiting or running:
        while waiting and len(running) < workers:
            running.append(remote.remote(waiting.pop(0), shared, os.getpid()))
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


def attempt(job: Job, evaluations: Evaluations, parent: int) -> Attempt:
    """One training; whatever goes wrong becomes a line in its record and stops no other.

    :param parent: id of the process that Ctrl-C is meant for
    """
    if os.getpid() != parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    known = {"algo": job.variant.algo, "hyperparams": job.variant.hyperparams, "seed": job.seed, "steps": job.steps, "cpu": cpu_name()}
    try:
        return job, known | train(job, evaluations)
    except Exception as error:
        reason = " ".join(str(error).split())
        return job, known | {"error": f"{type(error).__name__}: {reason}"[:300]}
