"""Tables of the reference study from measurements made by hand."""

from gan_reports import load_study, reference, trained

from ca2_gan.registry import models
from ca2_gan.training.config import Config, model_values

TIME, LESS, IMAGES = {"cpu_minutes": 0.5}, {"cpu_minutes": 0.25}, {"images": 1000}
TASK = "letters, 30 CPU seconds"


def rows(table: str) -> dict[str, list[str]]:
    """Cells by the first cell of their row."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


def test_reference_has_every_model_with_its_settings_the_original_studys_first():
    cases = [case for case in load_study("reference").cases if "training" in case.settings and not case.variant.endswith(", 0.1.0")]
    settings = {case.variant: case.settings["training"] for case in cases}
    assert list(settings)[:4] == ["dcgan", "dcgan_enhanced", "cgan", "triplegan"]
    assert sorted(settings) == models.list()
    for name, training in settings.items():
        shipped = Config.of(model_values(name) | {"data": "x"}).saved()
        assert training == {key: shipped[key] for key in training}


def test_table_has_the_numbers_of_the_measurements(gan_by_hand):
    fcd = {(0, 0): 10.0, (0, 1): 12.0, (0, 2): 20.0, (1, 0): None}
    results = gan_by_hand("reference", lambda i, seed: fcd.get((i, seed), 1234.5))
    results.records[1]["recall"] = 0.05
    cells = rows(reference.table_of_models(results))
    assert cells["real images"][:6] == ["5.0", "0.90", "0.90", "0.97", "4.0", "0.96"]
    scores = ["14.0 ± 5.3", "0.50 ± 0.00", "0.28 ± 0.20", "-", "28.0 ± 10.6", "-"]
    assert cells["dcgan (3 seeds)"] == [*scores, "0.05", "1,000", "100", "3,000"]
    assert cells["dcgan_enhanced (3 seeds; 1 of 3 failed: ValueError: no / luck)"][0] == "1,234 ± 0"


def test_models_are_listed_from_the_best_to_the_worst(gan_by_hand):
    results = gan_by_hand("reference", lambda i, seed: None if i == 0 else 50.0 - i + seed)
    cells = rows(reference.REPORT.tables["short"].make(results))
    labels = list(trained(results, TASK))
    assert [name.partition(" (")[0] for name in cells][2:] == ["real images", *reversed(labels)]
    assert cells["real images"] == ["5.0", "0.90", "0.97"]
    assert cells[f"{labels[1]} (3 seeds)"] == ["50.0 ± 1.0", "0.40 ± 0.00", "-"]


def test_a_models_own_table_has_its_row_below_that_of_real_images(gan_by_hand):
    results = gan_by_hand("reference", budgets=(TIME, IMAGES))
    whole, own = rows(reference.table_of_models(results)), rows(reference.REPORT.tables["sngan"].make(results))
    assert list(own)[2:] == ["real images", "sngan (3 seeds)"]
    assert all(own[name] == whole[name] for name in own)


def test_a_model_that_was_not_trained_has_an_empty_table(gan_by_hand):
    results = gan_by_hand("reference")
    results.records[:] = [record for record in results.records if record["variant"] != "sngan"]
    assert reference.REPORT.tables["sngan"].make(results) == "-"


def test_progress_compares_an_earlier_versions_settings_with_todays(gan_by_hand):
    results = gan_by_hand("reference", lambda i, seed: 10.0 + i, budgets=(TIME, LESS))
    less = "letters, 15 CPU seconds"
    is_old = {name: name.endswith(", 0.1.0") for name in trained(results, TASK)}
    results.records[:] = [each for each in results.records if is_old.get(each["variant"]) in (None, each["task"] == less)]
    cells = rows(reference.table_of_progress(results))
    assert list(cells)[2:] == [name for name in is_old if not is_old[name]]
    assert cells["dcgan"] == ["20.0 ± 0.0", "-", "10.0 ± 0.0", "-", "0.50"]  # the eleventh variant and the first
