"""What decides a training, and which trainings a study has."""

import json

import pytest

from ca2_gan.registry import models
from ca2_gan.studies import changes, jobs, overview
from ca2_gan.studies.jobs import Budget, Job, Variant, as_shipped, plan, read_records

A = Variant("a", {"model": "cgan", "batch_size": 16})
B = Variant("b", {"model": "cgan", "batch_size": 32})
TIME, IMAGES = Budget(minutes=0.5), Budget(images=1_000)
JOB = Job(A, "glyphs", "key", TIME, 0)


@pytest.mark.parametrize(
    "other",
    [
        Job(Variant("a", A.changes | {"model": "acgan"}), "glyphs", "key", TIME, 0),
        Job(Variant("a", A.changes | {"mismatched": 0.5}), "glyphs", "key", TIME, 0),
        Job(Variant("a", A.changes | {"precision": "bf16"}), "glyphs", "key", TIME, 0),
        Job(Variant("a", A.changes | {"compile": True}), "glyphs", "key", TIME, 0),
        Job(Variant("a", A.changes, standing=False), "glyphs", "key", TIME, 0),
        Job(Variant("a", A.changes, per_class=True), "glyphs", "key", TIME, 0),
        Job(A, "glyphs", "another", TIME, 0),
        Job(A, "glyphs", "key", IMAGES, 0),
        Job(A, "glyphs", "key", Budget(minutes=0.6), 0),
        Job(A, "glyphs", "key", TIME, 1),
    ],
)
def test_whatever_decides_a_training_is_another_file(other):
    assert JOB.file_name != other.file_name


def test_another_version_of_a_package_is_another_file(monkeypatch):
    before = JOB.file_name
    monkeypatch.setattr(jobs, "versions", lambda: {"torch": "0"})
    assert JOB.file_name != before


def test_labels_and_defaults_that_are_written_out_decide_nothing():
    same = Variant("x", {"batch_size": 16, "mismatched": 0.0, "model": "cgan"}, {"tag": 1})
    assert Job(same, "elsewhere", "key", TIME, 0).file_name == JOB.file_name


def test_plan_has_all_of_a_seed_before_the_next_seed():
    planned = plan([A, B], {"d": "1", "e": "2"}, [TIME, IMAGES], [4, 5])
    assert [(job.seed, job.data, job.budget, job.variant.label) for job in planned[:5]] == [
        (4, "d", TIME, "a"),
        (4, "d", TIME, "b"),
        (4, "d", IMAGES, "a"),
        (4, "d", IMAGES, "b"),
        (4, "e", TIME, "a"),
    ]
    assert len(planned) == 16
    assert plan([A, Variant("again", A.changes)], {"d": "1"}, [TIME], [0]) == plan([A], {"d": "1"}, [TIME], [0])


def test_records_of_any_budget_and_seed_are_read_for_every_variant_with_these_settings(tmp_path):
    for seed, budget in ((10, TIME), (2, TIME), (0, IMAGES)):
        job = Job(A, "glyphs", "key", budget, seed)
        content = {"seed": seed, "budget": {"minutes": budget.minutes, "images": budget.images}}
        (tmp_path / job.file_name).write_text(json.dumps(content))
    (tmp_path / "0123456789abcdef-1-image-0.json").write_text("{}")  # of settings that are no more
    records = read_records([A, B, Variant("c", A.changes, {"tag": 1})], {"mine": "key"}, tmp_path)
    assert [(record["label"], record["seed"], record["data"]) for record in records] == [
        (label, seed, "mine") for label in "ac" for seed in (0, 2, 10)
    ]
    assert records[-1]["tags"] == {"tag": 1}


def test_budgets_are_spent_by_what_they_count():
    assert TIME.spent(15.0, 10**9) == 0.5
    assert IMAGES.spent(1e9, 250) == 0.25
    assert (TIME.divided(10).minutes, IMAGES.divided(10).images) == (0.05, 100)
    assert [budget.name for budget in (TIME, Budget(minutes=5), IMAGES)] == ["30 CPU seconds", "5 CPU minutes", "1,000 images"]


def test_overview_has_every_model_with_its_settings_the_courseworks_first():
    variants = overview.variants()
    assert [variant.label for variant in variants[:4]] == ["dcgan", "dcgan_enhanced", "cgan", "triplegan"]
    assert sorted(variant.model for variant in variants) == models.list()
    assert all(variant.changes == as_shipped(variant.model) for variant in variants)


def test_changes_are_one_at_a_time():
    variants = {variant.label: variant for variant in changes.variants()}
    optimiser, penalties = {"batch_size", "lr_g", "lr_d", "beta1"}, {"r1", "r2"}
    noise_on_one_side, features_of_another = {"augment", "augment_on"}, {"feature_matching", "matched_features"}
    alone = {"augment", "feature_matching", "spectral_norm", "ema_half_life", "mismatched", "options", "model", "loss", "lr_d"}
    together = [optimiser, penalties, penalties | {"options"}, noise_on_one_side, features_of_another]
    for label, variant in variants.items():
        baseline = variants[changes.BASELINES[variant.tags["baseline"]]]
        if variant.per_class:
            continue
        keys = variant.changes.keys() | baseline.changes.keys()
        differing = {key for key in keys if variant.changes.get(key) != baseline.changes.get(key)}
        assert (len(differing) <= 1 and differing <= alone) or differing in together, label
        assert bool(differing or variant.standing != baseline.standing) == (label != baseline.label), label
