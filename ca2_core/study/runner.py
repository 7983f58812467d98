"""Runs the jobs of a study that are not done yet, several at a time."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_core.study.cases import Job
from ca2_core.study.conditions import cpu_name
from ca2_core.study.store import Store

# (settings, seed, bench) -> record. A function of a module, so that other processes find it
Work = Callable[[Mapping[str, Any], int, Any], dict[str, Any]]
Attempt = tuple[Job, dict[str, Any]]


def cores(on_ray: bool) -> int:
    """Jobs that can run at a time, a core each.

    :raises UserError: if Ray is asked for and not installed
    """
    return int(_ray().cluster_resources()["CPU"]) if on_ray else os.cpu_count() or 1


def run(
    jobs: Sequence[Job], work: Work, store: Store, workers: int, on_ray: bool = False, benches: Mapping[str, Any] | None = None
) -> None:
    """Runs what has no record in the store; each job gets its record as soon as it is done.

    :param jobs: each of them once
    :param work: does a job
    :param workers: jobs at a time
    :param on_ray: on the cluster at ``RAY_ADDRESS``, else on a local one, instead of in processes of this machine
    :param benches: what jobs of a kind share, made once and sent to each: a job is given the one that its case names
    :raises UserError: if Ray is asked for and not installed
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
    """By joblib's processes; in this one for a single worker."""
    # mmap_mode: a copy of what is written to; torch warns of arrays that it may not write to
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1, mmap_mode="c"):
        # One at a time: a batch would be lost as a whole
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
        yield from parallel(delayed(attempt)(job, work, benches.get(job.case.bench), os.getpid()) for job in jobs)


def _on_a_cluster(jobs: Sequence[Job], work: Work, workers: int, benches: Mapping[str, Any]) -> Iterator[Attempt]:
    """By Ray itself: its backend for joblib gives back nothing before all is done."""
    ray = _ray()
    remote = ray.remote(num_cpus=1)(attempt)
    shared = {name: ray.put(bench) for name, bench in benches.items()}
    waiting, running = list(jobs), list[Any]()
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop(0)
            running.append(remote.remote(job, work, shared.get(job.case.bench), os.getpid()))
        done, running = ray.wait(running)
        yield from ray.get(done)


def _ray() -> Any:
    """Ray, connected to its cluster."""
    try:
        ray = import_module("ray")  # an extra
    except ImportError as error:
        raise UserError("--ray needs a package that is not installed: pip install ray") from error
    if not ray.is_initialized():
        ray.init()
    return ray


def attempt(job: Job, work: Work, bench: Any, parent: int) -> Attempt:
    """One job; whatever goes wrong becomes a line in its record and stops no other.

    :param parent: id of the process that Ctrl-C is meant for
    """
    if os.getpid() != parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    known = {"seed": job.seed, "cpu": cpu_name()}
    try:
        return job, known | work(job.case.settings, job.seed, bench)
    except Exception as error:
        reason = " ".join(str(error).split())
        return job, known | {"error": f"{type(error).__name__}: {reason}"[:300]}
