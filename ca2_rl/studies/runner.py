"""Does the jobs of a study that are not done yet, several at a time."""

import json
import os
import signal
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]
from tqdm import tqdm

from ca2_rl.errors import UserError
from ca2_rl.files import whole_file
from ca2_rl.studies.jobs import Job
from ca2_rl.studies.training import Evaluations, train

BACKENDS = ("processes", "ray")


def run(jobs: Sequence[Job], folder: Path, workers: int, backend: str = "processes") -> None:
    """Trains what has no file in the folder; each gets its file as soon as it is done.

    :param jobs: each of them once
    :param folder: of the jobs' files
    :param workers: trainings at a time
    :param backend: "processes" of this machine, or "ray": a cluster (``RAY_ADDRESS``), else a local one
    :raises UserError: if ray is asked for and not installed
    """
    missing = [job for job in jobs if not (folder / job.file_name).is_file()]
    if not missing:
        return
    config = _backend_config(backend, workers)
    evaluations = Evaluations.sample()
    with (
        parallel_config(**config),
        tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit="training") as progress,
    ):
        # One at a time: a batch would be lost as a whole
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
        for job, record in parallel(delayed(attempt)(job, evaluations, os.getpid()) for job in missing):
            with whole_file(folder / job.file_name) as partial:
                partial.write_text(json.dumps(record, allow_nan=False) + "\n", encoding="utf-8")
            progress.update()


def _backend_config(backend: str, workers: int) -> dict[str, Any]:
    """What ``joblib.parallel_config`` needs."""
    if backend == "processes":
        return {"backend": "loky", "n_jobs": workers, "inner_max_num_threads": 1}
    try:
        register_ray = import_module("ray.util.joblib").register_ray  # an extra
    except ImportError as error:
        raise UserError("--backend ray needs a package that is not installed: pip install 'ca2[ray]'") from error
    register_ray()
    return {"backend": "ray", "n_jobs": workers}


def attempt(job: Job, evaluations: Evaluations, parent: int) -> tuple[Job, dict[str, Any]]:
    """One training; whatever goes wrong becomes a line in its record and stops no other.

    :param parent: id of the process that Ctrl-C is meant for
    """
    if os.getpid() != parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    decided = {"algo": job.variant.algo, "hyperparams": job.variant.hyperparams, "seed": job.seed, "steps": job.steps}
    try:
        return job, decided | train(job, evaluations)
    except Exception as error:
        reason = " ".join(str(error).split())
        return job, decided | {"error": f"{type(error).__name__}: {reason}"[:300]}
