"""The same study on a cluster."""

import json

import pytest
import ray

from ca2_gan.studies import runner
from ca2_gan.studies.jobs import Budget, plan

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


def test_a_cluster_measures_what_this_machine_does(two_nodes, two_variants, tmp_path, bench):
    jobs = plan(two_variants, {"bars": "key"}, [Budget(images=24)], [0, 1])
    for where, backend in (("here", "processes"), ("ray", "ray")):
        runner.run(jobs, {"bars": bench}, tmp_path / where, workers=2, backend=backend)
    for job in jobs:
        here, there = (json.loads((tmp_path / where / job.file_name).read_text()) for where in ("here", "ray"))
        assert "error" not in there
        assert here["scores"] == there["scores"]
