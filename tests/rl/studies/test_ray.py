"""The same study on a cluster."""

import json

import pytest
import ray

from ca2_rl.studies import runner
from ca2_rl.studies.jobs import plan

pytestmark = pytest.mark.slow


@pytest.fixture
def two_nodes(monkeypatch):
    """A local cluster of two nodes with a core each."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_worker_niceness", "0")  # by default its workers wait for whatever else this machine does
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_a_cluster_measures_what_this_machine_does(two_nodes, two_variants, tmp_path, evaluations, monkeypatch):
    monkeypatch.setattr(runner.Evaluations, "sample", lambda: evaluations)
    assert sum(node["Alive"] for node in ray.nodes()) == 2
    jobs = plan(two_variants, [0, 1])
    runner.run(jobs, tmp_path / "here", workers=1)
    runner.run(jobs[:1], tmp_path / "ray", workers=2, backend="ray")
    first = (tmp_path / "ray" / jobs[0].file_name).stat().st_mtime_ns
    runner.run(jobs, tmp_path / "ray", workers=2, backend="ray")
    assert (tmp_path / "ray" / jobs[0].file_name).stat().st_mtime_ns == first
    for job in jobs:
        here, there = (json.loads((tmp_path / where / job.file_name).read_text()) for where in ("here", "ray"))
        assert "error" not in there
        assert here["regret_percentiles"] == there["regret_percentiles"]
        assert here["curve"]["regret"] == there["curve"]["regret"]
