"""One training, and what is measured of it."""

import dataclasses
import itertools
import json

import pytest
import torch

from ca2_core.errors import UserError
from ca2_gan.studies import training
from ca2_gan.studies.jobs import Budget, Job, Variant
from ca2_gan.studies.training import play, train
from ca2_gan.training import state as running
from ca2_gan.training.state import Callback

TINY = {"model": "dcgan_radford", "options": ("width=8",), "batch_size": 8}


def job(budget=Budget(images=64), seed=0, **changes):  # noqa: B008
    known = {name: changes.pop(name) for name in ("standing", "per_class") if name in changes}
    return Job(Variant("x", TINY | changes, **known), "bars", "key", budget, seed)


def test_same_seed_and_images_give_the_same_numbers(bench):
    first, again, other = train(job(), bench), train(job(), bench), train(job(seed=1), bench)
    clocks = ("cpu_seconds", "images_per_s")
    assert {name: first[name] for name in ("scores", "classes", "images")} == {
        name: again[name] for name in ("scores", "classes", "images")
    }
    assert first["scores"] != other["scores"]
    assert all(first[name] >= 0 for name in clocks)


def test_record_has_all_that_tables_need_and_json_can_hold_it(bench):
    record = train(job(model="cgan", options=(), mismatched=0.5, budget=Budget(images=8)), bench)
    assert {"fcd", "kl_class", "precision", "recall", "acc"} <= record["scores"].keys()
    assert record["scores"]["acc"] is not None
    assert set(record["classes"]) == set("ABC")
    assert record["images"] == 8
    assert set(record["parameters"]) == {"generator", "discriminator"}
    assert record["extractors"] == bench.extractors
    assert record["second"].keys() == {"fcd", "precision", "recall", "density", "coverage", "acc"}
    assert record["second"]["fcd"] != record["scores"]["fcd"]
    assert str(torch.__version__).startswith(record["versions"]["torch"])
    json.dumps(record, allow_nan=False)


def test_time_is_a_budget_too_and_evaluations_do_not_count(bench, monkeypatch):
    clock = itertools.count()  # a second for each look at it
    monkeypatch.setattr(running, "process_time", lambda: next(clock))
    drawn = training.sample_like

    def slow(*args):
        for _ in range(1000):
            next(clock)
        return drawn(*args)

    monkeypatch.setattr(training, "sample_like", slow)
    record = train(job(Budget(minutes=16 / 60)), bench)
    assert [point["seconds"] for point in record["curve"]] == [2, 4, 8, 16]
    assert [point["images"] for point in record["curve"]] == [16, 32, 64, 128]
    assert record["cpu_seconds"] == 16


@pytest.mark.parametrize("standing", [True, False])
def test_sampling_on_the_way_leaves_the_training_as_it_is(bench, standing):
    class Sample(Callback):
        def on_round(self, state):
            state.averaged(standing).sample(4, seed=0)

    weights = [play(job(), bench.train, Budget(images=64), *callbacks)[1].gan.state_dict() for callbacks in ((Sample(),), ())]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_schedules_end_with_the_budget(bench):
    rates = {}

    class Rate(Callback):
        def on_round(self, state):
            rates[state.images] = state.optimisers["generator"].param_groups[0]["lr"]

    play(job(schedule="linear"), bench.train, Budget(images=64), Rate())
    assert rates[32] == pytest.approx(2e-4 * (1 - 24 / 64))  # of the round that began after 24 images
    assert rates[64] == pytest.approx(2e-4 * (1 - 56 / 64))


def test_without_standing_statistics_other_images_come_out(bench):
    assert train(job(), bench)["scores"] != train(job(standing=False), bench)["scores"]


def test_each_class_gets_a_model_and_its_part_of_the_budget(bench):
    record = train(job(Budget(images=72), per_class=True), bench)
    whole = train(job(Budget(images=8)), bench)
    assert record["images"] == 72
    assert record["scores"]["acc"] is not None
    assert record["parameters"] == {name: 3 * count for name, count in whole["parameters"].items()}


def test_a_training_that_diverges_says_so(bench):
    with pytest.raises(UserError, match=r"diverged: .* not finite after 64 images"):
        train(job(lr_g=1e30, lr_d=1e30), bench)


def test_bench_is_known_by_its_data_and_its_classifier(bench):
    assert dataclasses.replace(bench, watched=7).key != bench.key
    facts = bench.facts()
    assert facts["floor"]["scores"]["fcd"] < train(job(), bench)["scores"]["fcd"]
    assert facts["classes"]["A"]["ink"] == pytest.approx(0.23, abs=0.05)
    json.dumps(facts, allow_nan=False)
