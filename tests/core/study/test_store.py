"""What is done stays done, and is found again by what decides it."""

import json

import pytest

from ca2_core.errors import UserError
from ca2_core.study.cases import Case, Job, jobs_of
from ca2_core.study.store import Store

SETTINGS = {"algo": "dqn", "gamma": 0.9, "policy_kwargs": {"net_arch": [8]}}
JOB = Job(Case("a", "x", SETTINGS), 0)
VERSIONS = {"torch": "1"}


def path_of(job, tmp_path, versions=VERSIONS):
    return Store(tmp_path, versions).path(job)


@pytest.mark.parametrize(
    "other",
    [
        Job(Case("a", "x", SETTINGS | {"algo": "ddpg"}), 0),
        Job(Case("a", "x", SETTINGS | {"gamma": 0.91}), 0),
        Job(Case("a", "x", SETTINGS | {"tau": 1.0}), 0),
        Job(Case("a", "x", SETTINGS | {"policy_kwargs": {"net_arch": [9]}}), 0),
        Job(Case("a", "x", {"algo": "dqn", "gamma": 0.9}), 0),
        Job(JOB.case, 1),
    ],
)
def test_whatever_decides_a_record_is_another_file(other, tmp_path):
    assert path_of(JOB, tmp_path) != path_of(other, tmp_path)


def test_other_versions_are_another_file(tmp_path):
    assert path_of(JOB, tmp_path) != path_of(JOB, tmp_path, {"torch": "2"})


def test_names_groups_and_the_order_of_settings_decide_nothing(tmp_path):
    same = Job(Case("b", "y", dict(reversed(SETTINGS.items())), bench="z", group="g"), 0)
    assert path_of(JOB, tmp_path) == path_of(same, tmp_path)


def test_records_of_any_seed_are_read_for_every_case_with_these_settings(tmp_path):
    store, again = Store(tmp_path, VERSIONS), Case("c", "y", SETTINGS)
    for seed in (10, 2):
        store.write(Job(JOB.case, seed), {"seed": seed})
    (tmp_path / "0123456789abcdef-0.json").write_text("{}")  # of settings that are no more
    records = store.read([JOB.case, Case("b", "x", {}), again])
    assert [(record["variant"], record["task"], record["seed"]) for record in records] == [
        ("a", "x", 2),
        ("a", "x", 10),
        ("c", "y", 2),
        ("c", "y", 10),
    ]


@pytest.mark.parametrize("content", ["", '{"seed": 0, "reg', "[]"])
def test_a_damaged_record_is_named(content, tmp_path):
    store = Store(tmp_path, VERSIONS)
    store.path(JOB).write_text(content)
    with pytest.raises(UserError, match=rf"{store.path(JOB).name}: damaged or cut off\. Delete it"):
        store.read([JOB.case])


def test_a_number_that_json_does_not_have_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        Store(tmp_path, VERSIONS).write(JOB, {"regret": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_study_goes_on_from_what_was_published_of_it(tmp_path):
    first, second = Store(tmp_path / "first", VERSIONS), Store(tmp_path / "second", VERSIONS)
    for job in jobs_of([JOB.case], [0, 1]):
        first.write(job, {"seed": job.seed, "regret": job.seed / 2})
    content = {"versions": VERSIONS, "cases": [vars(JOB.case)], "records": first.read([JOB.case])}
    second.write(Job(JOB.case, 1), {"seed": 1, "regret": 9.0})
    second.restore(json.loads(json.dumps(content)))
    assert [(record["seed"], record["regret"]) for record in second.read([JOB.case])] == [(0, 0.0), (1, 9.0)]


def test_what_was_published_with_other_versions_is_no_record_of_these(tmp_path):
    store = Store(tmp_path, {"torch": "2"})
    record = {"variant": "a", "task": "x", "seed": 0, "regret": 1.0}
    store.restore({"versions": VERSIONS, "cases": [vars(JOB.case)], "records": [record]})
    assert store.read([JOB.case]) == []
