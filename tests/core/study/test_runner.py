"""A study goes on where it was, and repeats nothing."""

import importlib.util
import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from ca2_core.errors import UserError
from ca2_core.study.cases import Case, jobs_of
from ca2_core.study.runner import run
from ca2_core.study.store import Store

CASES = [Case(name, "task", {"name": name}, bench="folder") for name in ("one", "two")]


@pytest.fixture
def work(monkeypatch):
    """The job of small_work.py."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    module = importlib.import_module("small_work")
    return module.work


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "jobs", {"torch": "1"})


@pytest.fixture
def run_jobs(work, store, tmp_path):
    def start(seeds, workers=1, **options):
        run(jobs_of(CASES, seeds), work, store, workers, benches={"folder": str(tmp_path)}, **options)

    return start


@pytest.fixture
def calls(tmp_path):
    def read():
        path = tmp_path / "calls"
        return [tuple(line.split()[:2]) for line in path.read_text().splitlines()] if path.exists() else []

    return read


def test_a_second_call_repeats_nothing(run_jobs, store, calls):
    run_jobs(range(2))
    times = {path: path.stat().st_mtime_ns for path in store.folder.iterdir()}
    assert calls() == [("one", "0"), ("two", "0"), ("one", "1"), ("two", "1")]
    run_jobs(range(2))
    assert len(calls()) == 4
    run_jobs(range(3))
    assert calls()[4:] == [("one", "2"), ("two", "2")]
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in times.items())


def test_an_interrupted_study_keeps_what_is_done_and_goes_on(run_jobs, store, calls):
    with pytest.raises(KeyboardInterrupt):
        run_jobs([0, 99])
    assert len(list(store.folder.iterdir())) == 2
    run_jobs([0, 1])
    assert [seed for _, seed in calls()] == ["0", "0", "99", "1", "1"]


def test_a_failure_is_recorded_in_one_line_and_stops_no_other(run_jobs, store, calls):
    run_jobs([13, 14])
    records = store.read(CASES)
    assert [record.get("error") for record in records] == ["ZeroDivisionError: no luck at all", None] * 2
    assert [record["seed"] for record in records] == [13, 14, 13, 14]
    run_jobs([13, 14])
    assert len(calls()) == 4  # a failure is not repeated either


def test_a_record_that_was_not_written_whole_is_none(run_jobs, store, monkeypatch):
    monkeypatch.setattr(json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_jobs([0])
    assert not store.folder.exists() or list(store.folder.iterdir()) == []


def test_several_workers_are_other_processes_with_the_same_records(run_jobs, store, tmp_path):
    run_jobs([0, 1], workers=2)
    assert [record["regret"] for record in store.read(CASES)] == [0.0, 1.0, 0.0, 1.0]
    pids = {line.split()[2] for line in (tmp_path / "calls").read_text().splitlines()}
    assert str(os.getpid()) not in pids


def test_ray_that_is_not_installed_is_named(run_jobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="--ray needs a package that is not installed: pip install ray"):
        run_jobs([0], on_ray=True)


@pytest.mark.slow
def test_a_cluster_measures_what_this_machine_does(run_jobs, store, calls, monkeypatch):
    """Two nodes with a core each."""
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_worker_niceness", "0")  # by default its workers wait for whatever else this machine does
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[3])]))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    try:
        assert sum(node["Alive"] for node in ray.nodes()) == 2
        run_jobs([0], workers=2, on_ray=True)
        run_jobs([0, 1], workers=2, on_ray=True)
        assert sorted(calls()) == [("one", "0"), ("one", "1"), ("two", "0"), ("two", "1")]
        run_jobs([77, 78], workers=2, on_ray=True)
    finally:
        ray.shutdown()
        cluster.shutdown()
    records = store.read(CASES)
    assert [record.get("regret") for record in records] == [0.0, 1.0, 77.0, None] * 2
    assert Counter(calls())["one", "77"] == 2
    assert [record["error"] for record in records if "error" in record] == ["WorkerCrashedError: its process died 5 times"] * 2
