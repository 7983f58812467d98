"""The file of a study: what it means, and what is wrong in it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from ca2_core.errors import UserError
from ca2_core.study.cases import Job
from ca2_core.study.file import Section
from ca2_core.study.store import Store
from ca2_gan.commands.study import EXAMPLE
from ca2_gan.study.spec import REAL, make_benches, make_study, read_study
from ca2_gan.training.config import Config, model_values

GLYPHS = {"data": {"glyphs": None}}
CGAN = {"variants": {"a": {"model": "cgan"}}}


def study_of(content, **options):
    return make_study(Section(content, "study.yml"), "study", Path(), **options)


def cases_of(content, **options):
    return [case for case in study_of(content, **options).cases if case.variant != REAL]


def settings_of(content):
    (case,) = cases_of(content)
    return case.settings


def variant(**settings):
    return GLYPHS | {"variants": {"a": {"model": "cgan"} | settings}}


def test_a_file_is_every_variant_on_every_data_set_for_every_budget(tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text("""
title: Mine
seeds: [3, 5]
metrics: [prdc, fcd]
second: [fcd]
budgets: [cpu_minutes: 0.5, images: 1000]
data:
  glyphs:
  small: {source: glyphs, resize: 20x16, classes: [A, B], budgets: [minutes: 3]}
variants:
  one: {model: cgan, lr_g: 1e-3}
  two: {model: acgan, group: more, tasks: [small, "glyphs, 1,000 images"]}
""")
    study = read_study(path)
    assert (study.name, study.title, study.seeds) == ("mine", "Mine", [3, 5])
    tasks = ["glyphs, 30 CPU seconds", "glyphs, 1,000 images", "small, 3 minutes"]
    assert [(case.variant, case.task, case.group) for case in study.cases] == [
        *((REAL, task, "") for task in tasks),
        *(("one", task, "") for task in tasks),
        *(("two", task, "more") for task in tasks[1:]),
    ]
    one = study.cases[3].settings
    assert one["training"]["lr_g"] == 1e-3
    assert one["budget"] == {"cpu_minutes": 0.5}
    assert study.cases[-1].settings["data"] == {"source": "glyphs", "resize": (20, 16), "classes": ["A", "B"]}
    measure = study.measures["glyphs, 1,000 images"]
    assert (measure.name, measure.lower_is_better, measure.axis) == ("precision", False, "images")
    assert measure.others == ("recall", "density", "coverage", "fcd", "fcd (second)")
    assert study.measures["small, 3 minutes"].axis == "seconds"


def test_the_example_in_the_help_has_every_key_and_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    np.savez(tmp_path / "letters.npz", x=np.arange(1200 * 64).reshape(1200, 8, 8) % 251, y=np.arange(1200) % 3, class_names=list("ABC"))
    (tmp_path / "my_gans.py").touch()
    path = tmp_path / "study.yml"
    path.write_text(EXAMPLE.partition("\n")[2].replace("letters.csv", "letters.npz"))
    study = read_study(path)
    assert len(study.seeds) == 5
    assert len({case.task for case in study.cases}) == 10
    without = next(case for case in study.cases if case.variant == "without spectral norm")
    assert without.settings["training"]["options"] == ["d_spectral_norm=False"]
    assert without.settings["training"]["lr_d"] == 1e-3
    alone = [case for case in study.cases if case.variant == "one for each class"]
    assert {case.task for case in alone} == {
        "letters, 10 CPU minutes",
        *(case.task for case in study.cases if case.task.startswith("glyphs")),
    }
    assert all(case.settings["per_class"] and not case.settings["standing"] for case in alone)


def test_a_variant_has_the_shipped_settings_of_its_model_under_its_own():
    shipped = Config.of(model_values("letters_gan") | {"data": "x"}).saved()
    training = settings_of(GLYPHS | {"variants": {"a": {"model": "letters_gan", "beta2": 0.5}}})["training"]
    assert training == {name: shipped[name] for name in training} | {"beta2": 0.5}
    assert training["loss"] == "hinge"


def test_another_game_brings_its_own_settings():
    training = settings_of(GLYPHS | {"variants": {"a": {"model": "triplegan", "lr_classifier": 0.5}}})["training"]
    assert (training["game"], training["lr_classifier"]) == ("triple", 0.5)
    assert settings_of(variant(model="triplegan", game="adversarial"))["training"]["game"] == "adversarial"


@pytest.mark.parametrize(
    "change",
    [
        {"variants": {"a": {"model": "acgan"}}},
        {"variants": {"a": {"model": "cgan", "mismatched": 0.3}}},
        {"variants": {"a": {"model": "cgan", "precision": "bf16"}}},
        {"variants": {"a": {"model": "cgan", "compile": True}}},
        {"variants": {"a": {"model": "cgan", "standing": False}}},
        {"variants": {"a": {"model": "cgan", "per_class": True}}},
        {"budgets": [{"images": 1000}]},
        {"budgets": [{"minutes": 5}]},
        {"budgets": [{"cpu_minutes": 6}]},
        {"metrics": ["fcd"]},
        {"second": ["fcd"]},
        {"packages": ["json"]},
        {"data": {"glyphs": {"size": 3000}}},
        {"data": {"glyphs": {"resize": 20}}},
        {"data": {"glyphs": {"classes": ["A", "B"]}}},
    ],
    ids=str,
)
def test_variants_that_differ_in_any_setting_are_different_jobs(change):
    assert settings_of(GLYPHS | CGAN | change) != settings_of(GLYPHS | CGAN)


def test_names_folders_and_defaults_that_are_written_out_decide_nothing(tmp_path):
    first = settings_of({"data": {"mnist": None}} | CGAN)
    second = settings_of({"data": {"d": {"source": "mnist", "root": "here"}}, "variants": {"b": {"model": "cgan", "beta2": 0.999}}})
    assert first == second


def test_a_file_with_other_images_or_labels_is_another_job(tmp_path):
    path, found = tmp_path / "data.npz", []
    images, labels = np.random.default_rng(0).integers(0, 255, (90, 8, 8)), np.arange(90) % 3
    for labels_now in (labels, labels, labels[::-1]):
        np.savez(path, x=images, y=labels_now)
        found.append(settings_of({"data": {"d": {"source": str(path)}}} | CGAN))
    assert found[0] == found[1] != found[2]


def test_data_are_found_next_to_the_file(bars, tmp_path):
    (tmp_path / "mine.npz").write_bytes(bars.read_bytes())
    path = tmp_path / "study.yml"
    path.write_text("data: {mine.npz: }\nvariants: {a: {model: cgan}}\n")
    study = read_study(path)
    assert study.cases[0].settings["data"]["source"] == "mine.npz"
    assert [bench.train.class_names for bench in make_benches(study.cases, str(path)).values()] == [("A", "B", "C")]


def test_quick_is_a_tenth_of_the_budget_and_says_so():
    content = GLYPHS | CGAN | {"budgets": [{"cpu_minutes": 5}, {"images": 5000}]}
    quick = cases_of(content, quick=True)
    assert [case.settings["budget"] for case in quick] == [{"cpu_minutes": 0.5}, {"images": 500}]
    assert [case.task for case in quick] == ["glyphs, 5 CPU minutes, a tenth of it", "glyphs, 5,000 images, a tenth of it"]
    chosen = content | {"variants": {"a": {"model": "cgan", "tasks": ["glyphs, 5,000 images"]}}}
    assert [case.task for case in cases_of(chosen, quick=True)] == ["glyphs, 5,000 images, a tenth of it"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"variant": {}}, "study.yml, variant: no such key. Did you mean 'variants'?"),
        (CGAN, "study.yml, data: at least one is needed"),
        (GLYPHS, "study.yml, variants: at least one is needed"),
        (GLYPHS | CGAN | {"seeds": 0}, "study.yml, seeds: at least 1 is needed, this is 0."),
        (GLYPHS | CGAN | {"packages": ["nowhere"]}, "study.yml, packages: can't be imported: No module named 'nowhere'"),
        (GLYPHS | CGAN | {"metrics": ["prcd"]}, "study.yml, metrics: no metric named 'prcd'. Did you mean 'prdc'?"),
        (GLYPHS | CGAN | {"metrics": []}, "study.yml, metrics: the first has to be better either when lower or when higher"),
        (GLYPHS | CGAN | {"metrics": ["memorised"]}, "study.yml, metrics: the first has to be better"),
        (GLYPHS | CGAN | {"metrics": "fcd"}, "study.yml, metrics: a list is needed, this is 'fcd'."),
        (GLYPHS | CGAN | {"second": ["fcd:nets"]}, "study.yml, second: no extractor named 'nets'."),
        (GLYPHS | CGAN | {"budgets": {"images": 5}}, "study.yml, budgets: a list is needed"),
        (GLYPHS | CGAN | {"budgets": [{"image": 5}]}, "study.yml, budgets: a list such as [cpu_minutes: 5, images: 100000]"),
        (GLYPHS | CGAN | {"budgets": []}, "study.yml, budgets: a list such as"),
        (GLYPHS | CGAN | {"budgets": [{"images": 0}]}, "study.yml, budgets: images=0: it has to be at least 1."),
        (GLYPHS | CGAN | {"budgets": [{"minutes": float("nan")}]}, "study.yml, budgets: minutes=nan: a finite number is needed."),
        (
            CGAN | {"data": {"glyphs": {"budgets": [{"images": "x"}]}}},
            "study.yml, data.glyphs.budgets: images: 'x' can't be read as",
        ),
        (CGAN | {"data": {"glyphs": {"resiz": 8}}}, "study.yml, data.glyphs.resiz: no such key. Did you mean 'resize'?"),
        (CGAN | {"data": {"glyphs": {"resize": "big"}}}, "study.yml, data.glyphs.resize: resize: 'big' is not like 28 or 28x32"),
        (CGAN | {"data": {"glyphs": {"classes": "A,B"}}}, "study.yml, data.glyphs.classes: a list is needed"),
        (GLYPHS | {"variants": {"a": None}}, "study.yml, variants.a.model: no model named ''."),
        (variant(model="cgna"), "study.yml, variants.a.model: no model named 'cgna'. Did you mean 'cgan'?"),
        (variant(lr=1), "study.yml, variants.a.lr: no setting is called 'lr'. Did you mean 'lr_"),
        (variant(lr_g="high"), "study.yml, variants.a.lr_g: lr_g: 'high' can't be read as a number."),
        (variant(lr_g=float("nan")), "study.yml, variants.a.lr_g: lr_g=nan: a finite number is needed."),
        (variant(beta1=1), "study.yml, variants.a.beta1: beta1=1.0: it has to be at least 0, below 1."),
        (
            variant(lr_classifier=1),
            "study.yml, variants.a.lr_classifier: lr_classifier is an option of the game triple, not of adversarial.",
        ),
        (variant(seed=1), "study.yml, variants.a.seed: a variant can't set this: the study decides."),
        (variant(game="chess"), "study.yml, variants.a.game: no game named 'chess'"),
        (variant(options={"width": -1}), "study.yml, variants.a: --options width=-1: a number of 0 or more is needed."),
        (variant(per_class=3), "study.yml, variants.a.per_class: true or false is needed, this is 3."),
        (variant(per_class=True, matched_features="classifier"), "study.yml, variants.a.matched_features: a classifier needs several"),
        (variant(tasks=["glyph"]), "study.yml, variants.a.tasks: there is no 'glyph'. Did you mean 'glyphs'?"),
        (GLYPHS | {"variants": {REAL: {"model": "cgan"}}}, "study.yml, variants.real images.model: no variant can be called 'real images'"),
    ],
)
def test_each_mistake_is_one_line_with_file_and_key(content, message):
    with pytest.raises(UserError) as raised:
        study_of(content)
    assert message in str(raised.value)
    assert str(raised.value).startswith("study.yml")
    assert "\n" not in str(raised.value)


def test_data_that_are_too_few_or_damaged_are_told_with_file_and_key(tmp_path):
    damaged, few = tmp_path / "damaged.npz", tmp_path / "few.npz"
    damaged.write_bytes(b"PK")
    np.savez(few, x=np.arange(3 * 64).reshape(3, 8, 8), y=np.arange(3))
    for path, message in ((damaged, "damaged, or no npz"), (few, "too few")):
        with pytest.raises(UserError, match=rf"study.yml, data.d.source: .*{message}"):
            study_of({"data": {"d": {"source": str(path)}}} | CGAN)


def test_data_that_are_too_few_for_a_metric_are_told_before_a_training(tmp_path):
    np.savez(tmp_path / "few.npz", x=np.random.default_rng(0).integers(0, 255, (60, 16, 16)), y=np.arange(60) % 2)
    study = study_of({"data": {"d": {"source": str(tmp_path / "few.npz")}}, "metrics": ["cas"]} | CGAN)
    with pytest.raises(UserError, match=r"study.yml, metrics: on d, 5 CPU minutes: cas needs at least 50 images"):
        make_benches(study.cases, "study.yml")


def test_data_that_are_missing_are_told_when_they_are_needed():
    """A part of a study can be run without the data of the rest."""
    study = study_of({"data": {"glyphs": None, "nowhere.npz": None}} | CGAN)
    with pytest.raises(UserError, match=r"study.yml, data.nowhere.npz.source: no data 'nowhere.npz'"):
        make_benches(study.cases, "study.yml")


def test_what_does_not_fit_together_shows_before_a_training(content):
    study = study_of(content | {"variants": {"x": {"model": "cgan", "options": {"widht": 8}}}})
    with pytest.raises(UserError, match=r"study.yml, variants.x: on bars, 64 images: .*widht"):
        make_benches(study.cases, "study.yml")


def test_models_of_a_module_next_to_the_file_can_be_compared(tmp_path, monkeypatch):
    from ca2_gan import registry

    monkeypatch.setattr(sys, "path", [*sys.path])
    registry.models.list()
    monkeypatch.setattr(registry.models, "_entries", dict(registry.models._entries))
    (tmp_path / "gan_of_mine.py").write_text("from ca2_gan.registry import models\nmodels.register('mine')(models.get('cgan'))\n")
    path = tmp_path / "study.yml"
    path.write_text(yaml.safe_dump({"packages": ["gan_of_mine"], **GLYPHS, "variants": {"a": {"model": "mine"}}}))
    assert read_study(path).cases[-1].settings["training"]["model"] == "mine"


def test_a_study_is_stored_under_what_decides_it(tmp_path):
    store = Store(tmp_path, {})
    (before,), (after,) = (cases_of(variant(**changes)) for changes in ({}, {"precision": "bf16"}))
    assert store.path(Job(before, 0)) != store.path(Job(after, 0))
