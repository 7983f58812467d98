"""The job of a study: one training, and what is measured of it."""

import itertools
import json
from pathlib import Path

import pytest
import torch

from ca2_core.errors import UserError
from ca2_core.study.file import Section
from ca2_gan.registry import extractors
from ca2_gan.study import training
from ca2_gan.study.spec import REAL, make_benches, make_study
from ca2_gan.study.training import SECOND, measure, play
from ca2_gan.training import state as running
from ca2_gan.training.state import Callback


@pytest.fixture
def cases(content):
    """The cases of real images and of a tiny variant with changes, by name."""

    def make(images=64, **changes):
        whole = content | {"budgets": [changes.pop("budget", {"images": images})], "variants": {"x": content["variants"]["x"] | changes}}
        return {case.variant: case for case in make_study(Section(whole, "study.yml"), "study", Path()).cases}

    return make


@pytest.fixture
def bench(cases):
    (made,) = make_benches(cases().values(), "study.yml").values()
    return made


@pytest.fixture
def train(cases, bench):
    return lambda seed=0, **changes: measure(cases(**changes)["x"].settings, seed, bench)


def scores(record):
    return {name: value for name, value in record.items() if name.startswith(("fcd", "kl", "precision", "recall", "acc"))}


def test_same_seed_and_images_give_the_same_numbers(train):
    first, again, other = train(), train(), train(seed=1)
    assert scores(first) == scores(again) != scores(other)
    assert first["classes"] == again["classes"]
    assert first["drawn"] == again["drawn"]
    assert first["curve"] | {"seconds": 0} == again["curve"] | {"seconds": 0}


def test_record_has_all_that_tables_need_and_json_can_hold_it(train):
    record = train(images=8, model="cgan", options={}, mismatched=0.5)
    assert {"fcd", "kl_class", "kl_pixel", "precision", "recall", "density", "coverage", "acc"} <= record.keys()
    assert record["acc"] is not None
    assert set(record["classes"]) == set("ABC")
    assert record["images"] == 8
    assert set(record["parameters"]) == {"generator", "discriminator"}
    assert record["fcd" + SECOND] != record["fcd"]
    assert "kl_class" + SECOND not in record
    assert record["train_seconds"] >= 0
    json.dumps(record, allow_nan=False)


def test_the_curve_is_of_shares_of_the_budget(train):
    record = train(images=128)
    assert record["curve"]["images"] == [16, 32, 64, 128]
    assert record["curve"].keys() == {"seconds", "images", "fcd"}


def test_time_is_a_budget_too_and_evaluations_do_not_count(train, monkeypatch):
    clock = itertools.count()  # a second for each look at it
    monkeypatch.setattr(running, "process_time", lambda: next(clock))
    drawn = training.sample_like

    def slow(*args):
        for _ in range(1000):
            next(clock)
        return drawn(*args)

    monkeypatch.setattr(training, "sample_like", slow)
    record = train(budget={"cpu_minutes": 16 / 60})
    assert record["curve"]["seconds"] == [2, 4, 8, 16]
    assert record["curve"]["images"] == [16, 32, 64, 128]
    assert record["train_seconds"] == 16


def test_minutes_of_the_clock_are_a_budget_too(train):
    assert train(budget={"minutes": 0.001})["images"] >= 8


@pytest.mark.parametrize("standing", [True, False])
def test_sampling_on_the_way_leaves_the_training_as_it_is(cases, bench, standing):
    class Sample(Callback):
        def on_round(self, state):
            state.averaged(standing).sample(4, seed=0)

    settings = cases()["x"].settings
    weights = [play(settings, 0, bench.train, callbacks=callbacks)[1].gan.state_dict() for callbacks in ([Sample()], [])]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_schedules_end_with_the_budget(cases, bench):
    rates = {}

    class Rate(Callback):
        def on_round(self, state):
            rates[state.images] = state.optimisers["generator"].param_groups[0]["lr"]

    play(cases(schedule="linear", lr_g=2e-4)["x"].settings, 0, bench.train, callbacks=[Rate()])
    assert rates[32] == pytest.approx(2e-4 * (1 - 24 / 64))  # of the round that began after 24 images
    assert rates[64] == pytest.approx(2e-4 * (1 - 56 / 64))


def test_without_standing_statistics_other_images_come_out(train):
    assert scores(train()) != scores(train(standing=False))


def test_each_class_gets_a_model_and_its_part_of_the_budget(train):
    record, whole = train(images=72, per_class=True), train(images=8)
    assert record["images"] == 72
    assert record["acc"] is not None
    assert record["parameters"] == {name: 3 * count for name, count in whole["parameters"].items()}
    assert record["curve"] == {"seconds": [], "images": []}


def test_a_training_that_diverges_says_so(train):
    with pytest.raises(UserError, match=r"diverged: .* not finite after 8 images"):
        train(lr_g=1e30, lr_d=1e30)


def test_real_images_are_measured_likewise(cases, bench, train):
    settings = cases()[REAL].settings
    record, other = (measure(settings, seed, bench) for seed in (0, 1))
    assert record["fcd"] < train()["fcd"]
    assert record["fcd" + SECOND] is not None
    assert record["fcd"] != other["fcd"]  # other training images
    assert record["acc"] > 0.5
    assert record["looks"]["A"]["ink"] == pytest.approx(0.23, abs=0.05)
    assert {name: len(each["fingerprint"]) for name, each in record["classifiers"].items()} == {"first": 16, "second": 16}
    json.dumps(record, allow_nan=False)


def test_a_metric_without_a_classifier_trains_none(content, monkeypatch, tmp_path):
    extractors.list()
    monkeypatch.setattr(extractors, "_entries", dict(extractors._entries))
    extractors.register("pixels")(lambda setup: torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Flatten()))
    monkeypatch.setattr("ca2_gan.metrics.classifier.train_network", None)  # would fail if it were called
    monkeypatch.setenv("CA2_GAN_CACHE", str(tmp_path / "nothing_in_it"))
    study = make_study(Section(content | {"metrics": ["fcd:pixels"], "second": []}, "study.yml"), "study", Path())
    (bench,) = make_benches(study.cases, "study.yml").values()
    assert study.measures["bars, 64 images"].name == "fcd:pixels"
    real, trained = (measure(case.settings, 0, bench) for case in study.cases)
    assert real["classifiers"] == real["classes"] == {}
    assert real["fcd:pixels"] < trained["fcd:pixels"] == pytest.approx(trained["curve"]["fcd:pixels"][-1], rel=0.5)
