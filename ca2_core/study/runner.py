"""Runs the jobs of a study that have no record yet, several at a time."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_core.study.cases import Job
from ca2_core.study.conditions import cpu_name
from ca2_core.study.store import Store

# (settings, seed, bench) -> record. Must be a module-level function, so that it can be pickled for other processes
Work = Callable[[Mapping[str, Any], int, Any], dict[str, Any]]
Attempt = tuple[Job, dict[str, Any]]
MOST_DEATHS = 5  # of a job's process on a cluster, before the job counts as failed


def cores(on_ray: bool) -> int:
    """Number of cores of this machine or of the Ray cluster. Each job uses one.

    :raises UserError: if Ray is asked for but not installed
    """
    return int(_ray().cluster_resources()["CPU"]) if on_ray else os.cpu_count() or 1


def run(
    jobs: Sequence[Job], work: Work, store: Store, workers: int, on_ray: bool = False, benches: Mapping[str, Any] | None = None
) -> None:
    """Runs the jobs without a record. Each record is stored as soon as its job is done.

    :param jobs: without duplicates
    :param work: does one job
    :param workers: jobs at a time
    :param on_ray: use the Ray cluster at ``RAY_ADDRESS`` (without one, a local Ray) instead of processes of this machine
    :param benches: data that jobs share, by name, made once; each job gets the one that its case names
    :raises UserError: if Ray is asked for but not installed
    """
    missing = [job for job in jobs if not store.has(job)]
    if not missing:
        return
    attempts = (_on_a_cluster if on_ray else _on_this_machine)(missing, work, workers, benches or {})
    with tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit="job", disable=None) as progress:
        for job, record in attempts:
            store.write(job, record)
            progress.update()


def _on_this_machine(jobs: Sequence[Job], work: Work, workers: int, benches: Mapping[str, Any]) -> Iterator[Attempt]:
    """Runs jobs in processes of joblib, or in this process if there is one worker."""
    # mmap_mode="c": copy-on-write, because torch warns about read-only arrays
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1, mmap_mode="c"):
        # batch_size=1: a stop would lose all jobs of a larger batch
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
        yield from parallel(delayed(attempt)(job, work, benches.get(job.case.bench), os.getpid()) for job in jobs)


def _on_a_cluster(jobs: Sequence[Job], work: Work, workers: int, benches: Mapping[str, Any]) -> Iterator[Attempt]:
    """Runs jobs with Ray directly: its joblib backend returns nothing before all jobs are done.

    A job whose process or machine dies is run again, in the end without success: then its record is an error.
    """
    ray = _ray()
    from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, WorkerCrashedError  # noqa: PLC0415  (an extra)

    remote = ray.remote(num_cpus=1, max_retries=0)(attempt)
    shared = {name: ray.put(bench) for name, bench in benches.items()}
    waiting, running, deaths = list(jobs), dict[Any, Job](), Counter[int]()
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop(0)
            running[remote.remote(job, work, shared.get(job.case.bench), os.getpid())] = job
        for done in ray.wait(list(running))[0]:
            job = running.pop(done)
            try:
                yield ray.get(done)
            except (NodeDiedError, ObjectLostError, OutOfMemoryError, WorkerCrashedError) as error:
                deaths[id(job)] += 1
                if deaths[id(job)] < MOST_DEATHS:
                    waiting.append(job)
                else:
                    yield job, {"seed": job.seed, "error": f"{type(error).__name__}: its process died {MOST_DEATHS} times"}


def _ray() -> Any:
    """The ``ray`` module, connected to a cluster."""
    try:
        ray = import_module("ray")  # an extra
    except ImportError as error:
        raise UserError("--ray needs a package that is not installed: pip install ray") from error
    if not ray.is_initialized():
        ray.init()
    return ray


def attempt(job: Job, work: Work, bench: Any, parent: int) -> Attempt:
    """Runs one job. An exception becomes the ``error`` of the record and does not stop other jobs.

    :param parent: id of the main process; only it reacts to Ctrl-C
    """
    if os.getpid() != parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    known = {"seed": job.seed, "cpu": cpu_name()}
    try:
        return job, known | work(job.case.settings, job.seed, bench)
    except Exception as error:
        reason = " ".join(str(error).split())
        return job, known | {"error": f"{type(error).__name__}: {reason}"[:300]}
