"""What decides a training, and which trainings a study has."""

import json

import pytest

from ca2_rl.studies import jobs
from ca2_rl.studies.jobs import Job, Variant, plan, read_records, restore_records

SETTINGS = {"n_timesteps": 500, "policy": "MlpPolicy", "gamma": 0.9, "policy_kwargs": {"net_arch": [8]}}
A, B = Variant("a", "dqn", SETTINGS), Variant("b", "dqn", SETTINGS | {"gamma": 0.99})


@pytest.mark.parametrize(
    "other",
    [
        Job(Variant("a", "ddpg", SETTINGS), 0, 500),
        Job(Variant("a", "dqn", SETTINGS | {"gamma": 0.91}), 0, 500),
        Job(Variant("a", "dqn", SETTINGS | {"tau": 1.0}), 0, 500),
        Job(Variant("a", "dqn", SETTINGS | {"policy_kwargs": {"net_arch": [9]}}), 0, 500),
        Job(A, 1, 500),
        Job(A, 0, 501),
    ],
)
def test_whatever_decides_a_training_is_another_file(other):
    assert Job(A, 0, 500).file_name != other.file_name


def test_another_version_of_a_package_is_another_file(monkeypatch):
    before = Job(A, 0, 500).file_name
    monkeypatch.setattr(jobs, "versions", lambda: {"torch": "0"})
    assert Job(A, 0, 500).file_name != before


def test_names_and_the_order_of_settings_decide_nothing():
    same = Variant("x", "dqn", dict(reversed(SETTINGS.items())) | {"n_timesteps": 7}, {"a": 1})
    assert Job(same, 3, 500).file_name == Job(A, 3, 500).file_name


def test_plan_has_all_variants_of_a_seed_before_the_next_seed():
    assert [(job.variant.label, job.seed, job.steps) for job in plan([A, B], [4, 5])] == [
        ("a", 4, 500),
        ("b", 4, 500),
        ("a", 5, 500),
        ("b", 5, 500),
    ]
    assert {job.steps for job in plan([A, B], [0], steps=9)} == {9}


def test_variants_of_the_same_settings_are_trained_once():
    again = Variant("c", "dqn", SETTINGS)
    assert [job.variant.label for job in plan([A, B, again], [0])] == ["a", "b"]


def test_records_of_any_seed_are_read_for_every_variant_that_has_these_settings(tmp_path):
    for seed in (10, 2):
        (tmp_path / Job(A, seed, 500).file_name).write_text(json.dumps({"seed": seed}))
    (tmp_path / "0123456789abcdef-0.json").write_text("{}")  # of settings that are no more
    records = read_records([A, B, Variant("c", "dqn", SETTINGS, {"tag": 1})], tmp_path)
    assert [(record["label"], record["seed"]) for record in records] == [("a", 2), ("a", 10), ("c", 2), ("c", 10)]
    assert records[-1]["tags"] == {"tag": 1}


def test_a_study_goes_on_from_what_was_published_of_it(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    for seed in (0, 1):
        (first / Job(A, seed, 500).file_name).write_text(json.dumps({"seed": seed, "regret": seed / 2}))
    published = read_records([A], first)
    second.mkdir()
    (second / Job(A, 1, 500).file_name).write_text(json.dumps({"seed": 1, "regret": 9.0}))
    records = [*published, {"label": "a", "seed": 2}]  # the last one is from before jobs were named
    restore_records({"machine": {"cpu": "fast"}, "records": records}, second)
    assert [(record["seed"], record["regret"]) for record in read_records([A], second)] == [(0, 0.0), (1, 9.0)]
    assert read_records([A], second)[0] == published[0] | {"cpu": "fast"}


def test_a_record_keeps_the_processor_that_it_was_measured_on(tmp_path):
    record = {"label": "a", "seed": 0, "cpu": "slow", "job": "a-0.json"}
    restore_records({"machine": {"cpu": "fast"}, "records": [record]}, tmp_path)
    assert json.loads((tmp_path / "a-0.json").read_text())["cpu"] == "slow"
