"""Tables and figures from measurements made by hand."""

import numpy as np
import pytest
from gan_reports import NAMES, changes, conditions, load_report, load_study, main_tasks, overview, reference, trained
from scipy import stats

from ca2_core.errors import UserError
from ca2_core.study.figures import save
from ca2_core.study.results import Results
from ca2_gan.registry import models
from ca2_gan.study.training import SECOND
from ca2_gan.training.config import Config, model_values

TIME, LESS, IMAGES = {"cpu_minutes": 0.5}, {"cpu_minutes": 0.25}, {"images": 1000}
TASK = "letters, 30 CPU seconds"


def rows(table: str) -> dict[str, list[str]]:
    """Cells by the first cell of their row."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "fcd",
    [lambda i, seed: None if i == 0 or (i + seed) % 3 == 0 else 10.0 + i, lambda i, seed: None, lambda i, seed: 10.0],
    ids=["some failed", "all failed", "all alike"],
)
def test_every_study_reports_whatever_happened(name, fcd, gan_by_hand, tmp_path):
    results, report = gan_by_hand(name, fcd, budgets=(TIME, IMAGES)), load_report(name)
    for table in report.tables.values():
        for block in table.make(results).split("\n\n"):
            if block.startswith("|"):
                assert len({line.count("|") for line in block.splitlines()}) == 1, block
    for picture_name, picture in report.pictures.items():
        save(picture.make(results), tmp_path / f"{picture_name}.png")
    assert {png.stem for png in tmp_path.glob("*.png")} == set(report.pictures)


@pytest.mark.parametrize("name", NAMES)
def test_every_study_reports_on_a_part_of_it_and_on_nothing(name, gan_by_hand):
    results, report = gan_by_hand(name), load_report(name)
    for count in (2, 1, 0):
        results.records[:] = results.records[:count]
        for part in (*report.tables.values(), *report.pictures.values()):
            part.make(results)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_docs_keep_of_a_record_is_enough_for_their_tables(name, gan_by_hand):
    report, results, kept = load_report(name), gan_by_hand(name), gan_by_hand(name)
    kept.records[:] = [report.kept(record) for record in kept.records]
    for table in report.tables.values():
        assert table.make(kept) == table.make(results)


def test_wrong_study_is_named():
    with pytest.raises(UserError, match=r"no study named 'overvew'\. Did you mean 'overview'\?"):
        load_study("overvew")


def test_overview_has_every_model_with_its_settings_the_original_studys_first():
    settings = {case.variant: case.settings["training"] for case in load_study("overview").cases if "training" in case.settings}
    assert list(settings)[:4] == ["dcgan", "dcgan_enhanced", "cgan", "triplegan"]
    assert sorted(settings) == models.list()
    for name, training in settings.items():
        shipped = Config.of(model_values(name) | {"data": "x"}).saved()
        assert training == {key: shipped[key] for key in training}


def test_changes_are_one_at_a_time():
    cases = {case.variant: case for case in load_study("changes").cases if "training" in case.settings}
    optimiser, penalties = {"batch_size", "lr_g", "lr_d", "beta1"}, {"r1", "r2"}
    noise_on_one_side, features_of_another = {"augment", "augment_on"}, {"feature_matching", "matched_features"}
    alone = {"augment", "feature_matching", "spectral_norm", "ema_half_life", "mismatched", "options", "model", "loss", "lr_d"}
    together = [optimiser, penalties, penalties | {"options"}, noise_on_one_side, features_of_another]
    for label, case in cases.items():
        baseline = cases[changes.baseline_of(case.group)]
        if case.settings["per_class"]:
            continue
        ours, theirs = case.settings["training"], baseline.settings["training"]
        differing = {key for key in ours if ours[key] != theirs[key]}
        assert (len(differing) <= 1 and differing <= alone) or differing in together, label
        assert bool(differing or case.settings["standing"] != baseline.settings["standing"]) == (case is not baseline), label


def test_overview_has_the_numbers_of_the_measurements(gan_by_hand):
    fcd = {(0, 0): 10.0, (0, 1): 12.0, (0, 2): 20.0, (1, 0): None}
    cells = rows(overview.table_of_models(gan_by_hand("overview", lambda i, seed: fcd.get((i, seed), 1234.5))))
    assert cells["real (floor)"][:5] == ["5.0", "0.01", "0.90", "0.90", "0.97"]
    assert cells["dcgan (3 seeds)"] == ["14.0 ± 5.3", "0.25 ± 0.00", "0.50 ± 0.00", "0.40 ± 0.00", "-", "100", "1,000", "10", "3,000"]
    assert cells["dcgan_enhanced (3 seeds; 1 of 3 failed: ValueError: no / luck)"][0] == "1,234 ± 0"


def test_models_are_listed_from_the_best_to_the_worst(gan_by_hand):
    results = gan_by_hand("overview", lambda i, seed: None if i == 0 else 50.0 - i + seed, budgets=(TIME, IMAGES))
    table = overview.table_of_best(results)
    assert table.startswith("| model | letters, 30 CPU seconds, 3 seeds: FCD | accuracy |\n")
    cells = rows(table)
    labels = list(trained(results, TASK))
    assert list(cells)[2:-1] == ["real (floor)", *reversed(labels[1:])]
    assert list(cells)[-1] == f"{labels[0]} (3 of 3 failed: ValueError: no / luck)"
    assert cells["real (floor)"] == ["5.0", "0.97"]
    assert cells[labels[1]] == ["50.0 ± 1.0", "-"]


def test_the_list_goes_by_all_data_and_says_how_many_seeds_each_has(gan_by_hand):
    results = gan_by_hand("overview", lambda i, seed: 10.0 + i)
    first, second, *others = trained(results, TASK)
    digits = "digits, 30 CPU seconds"
    content = results.content | {"cases": results.content["cases"] + [case | {"task": digits} for case in results.content["cases"]]}
    chosen = {("real images", 0): {}, (first, 0): {"fcd": 90.0}, (second, 0): {"fcd": 3.0}, (second, 1): {"fcd": 3.0}}
    more = [
        record | {"task": digits} | changed
        for record in results.records
        for key, changed in chosen.items()
        if key == (record["variant"], record["seed"])
    ]
    table = overview.table_of_best(Results(content | {"records": results.records + more}))
    assert "| digits, 30 CPU seconds, 1 to 2 seeds: FCD | accuracy |" in table
    cells = rows(table)
    assert list(cells)[3:5] == [second, first]  # 11 and 3 before 10 and 90
    assert cells[first] == ["10.0 ± 0.0", "-", "90.0", "-"]
    assert all(cells[label][2:] == ["-", "-"] for label in others)


def test_a_models_own_table_has_its_rows_of_the_overview(gan_by_hand):
    results = gan_by_hand("overview", budgets=(TIME, IMAGES))
    whole, own = rows(overview.table_of_models(results)), rows(overview.table_of_model(results, "sngan"))
    assert list(own) == [
        "data and budget",
        "---",
        "letters, real (floor)",
        "letters, 30 CPU seconds (3 seeds)",
        "letters, 1,000 images (3 seeds)",
    ]
    assert own["letters, real (floor)"] == whole["real (floor)"]
    assert own["letters, 1,000 images (3 seeds)"] == whole["sngan (3 seeds)"]


def test_a_model_that_was_not_trained_has_an_empty_table(gan_by_hand):
    results = gan_by_hand("overview")
    results.records[:] = [record for record in results.records if record["variant"] != "sngan"]
    assert overview.table_of_model(results, "sngan") == "-"


def test_second_classifier_has_a_table_of_its_own(gan_by_hand):
    cells = rows(overview.table_by_second(gan_by_hand("overview", lambda i, seed: 10.0 + i)))
    assert cells["real (floor)"] == ["4.0", "0.80", "0.70", "0.96"]
    assert cells["dcgan_enhanced (3 seeds)"] == ["22.0 ± 0.0", "0.60 ± 0.00", "0.30 ± 0.00", "-"]


def test_collapses_are_counted_and_the_worst_seed_is_shown(gan_by_hand):
    results = gan_by_hand("overview", lambda i, seed: None if i == 1 else 10.0)
    recalls = iter([0.5, 0.05, 0.0999])
    for record in results.records:
        if record["variant"] == "dcgan":
            record |= {"recall": next(recalls), "kl_class": 0.25 + record["seed"]}
            record["recall" + SECOND] = 0.3 - 0.1 * record["seed"]
    cells = rows(overview.table_of_collapses(results))
    assert cells["dcgan (3 seeds)"] == ["2 of 3", "0.05", "0.10", "2.25"]
    assert next(cell for name, cell in cells.items() if name.startswith("dcgan_enhanced")) == ["0 of 0", "-", "-", "-"]


def test_each_budget_has_a_table_the_largest_time_first(gan_by_hand):
    results = gan_by_hand("overview", budgets=(TIME, LESS, IMAGES))
    captions = [line for line in overview.table_of_models(results).splitlines() if line.startswith("**")]
    assert [caption.partition(", ")[2] for caption in captions] == [
        "30 CPU seconds a training**",
        "15 CPU seconds a training**",
        "1,000 images a training**",
    ]


def test_a_longer_training_of_one_model_alone_is_not_the_main_budget(gan_by_hand):
    results = gan_by_hand("overview", budgets=(TIME, LESS))
    less = "letters, 15 CPU seconds"
    results.records[:] = [record for record in results.records if record["variant"] in ("real images", "dcgan") or record["task"] == less]
    assert main_tasks(results) == [less]


def test_conditions_count_the_trainings_of_each_processor_and_call(gan_by_hand):
    results = gan_by_hand("overview")
    n = sum(record["variant"] != "real images" for record in results.records)
    assert conditions(results).endswith(f"{n} trainings: {n} on a CPU.\n  - `ca2-gan study`: {n} trainings")
    results.records[-1] |= {"cpu": "Z80", "command": "another call"}
    text = conditions(results)
    assert f"{n} trainings: {n - 1} on a CPU, 1 on Z80." in text
    assert text.endswith(f"\n  - `ca2-gan study`: {n - 1} trainings\n  - `another call`: 1 training")
    assert "classifier ffffffffffffffff with 95.0%, second classifier eeeeeeeeeeeeeeee with 95.0%" in text


def test_a_models_table_names_the_calls_of_its_own_trainings_alone(gan_by_hand):
    results = gan_by_hand("overview")
    own = [record for record in results.records if record["variant"] == "sngan"]
    for record in own:
        record["command"] = "another call"
    of_sngan, of_dcgan = (overview.table_of_model(results, name) for name in ("sngan", "dcgan"))
    assert "ca2-gan study" not in of_sngan
    assert f"`another call`: {len(own)} trainings" in of_sngan
    assert "another call" not in of_dcgan


def labels_of_changes():
    return list(dict.fromkeys(case.variant for case in load_study("changes").cases if "training" in case.settings))


def test_effect_is_the_ratio_of_geometric_means(gan_by_hand):
    """Against the textbook's formula of Welch's interval."""
    before, after = np.array([10.0, 12.0, 15.0]), np.array([5.0, 6.0, 9.0])
    changed = "dcgan_radford, spectral norm"
    index = labels_of_changes().index(changed)
    results = gan_by_hand("changes", lambda i, seed: float((after if i == index else before)[seed]))
    found = changes.effects(results, TASK)[changed][1]
    logs = [np.log(side) for side in (after, before)]
    variances = [side.var(ddof=1) / 3 for side in logs]
    dof = sum(variances) ** 2 / sum(v**2 / 2 for v in variances)
    margin = stats.t.ppf(0.975, dof) * np.sqrt(sum(variances))
    middle = logs[0].mean() - logs[1].mean()
    assert (found.ratio, found.low, found.high) == pytest.approx(tuple(np.exp([middle, middle - margin, middle + margin])))


def test_changes_say_what_their_interval_says(gan_by_hand):
    labels = labels_of_changes()
    factor = {"dcgan_radford, DiffAugment": 0.5, "cgan, without wrong labels": 2.0, "a dcgan_enhanced for each class": None}

    def fcd(i, seed):
        times = factor.get(labels[i], 1.0)
        return None if times is None else times * (100 + seed)

    cells = rows(changes.table_of_changes(gan_by_hand("changes", fcd)))
    assert cells["**dcgan_radford, as shipped (3 seeds)**"][1:3] == ["1", "the baseline"]
    assert cells["dcgan_radford, DiffAugment (3 seeds)"][2] == "better"
    assert cells["cgan, without wrong labels (3 seeds)"][2] == "worse"
    assert cells["dcgan_radford, spectral norm (3 seeds)"][2] == "no difference shown"
    assert cells["dcgan_radford, DiffAugment (3 seeds)"][3].startswith("0.50 [")  # of the second classifier, whose FCD is twice the first's
    assert next(cells[label] for label in cells if "for each class" in label)[:3] == ["-", "-", "too few seeds"]


def test_a_ratio_beyond_the_axis_is_written_at_its_end(gan_by_hand):
    labels = labels_of_changes()
    factor = {"dcgan_radford, DiffAugment": 80.0, "cgan, without wrong labels": 0.002}
    panel = changes.forest(gan_by_hand("changes", lambda i, seed: factor.get(labels[i], 1.0) * (100 + seed))).axes[0]
    assert {text.get_text().strip(): text.get_position()[0] for text in panel.texts} == {"80 →": 10.0, "← 0.002": 0.1}
    shown = [label.get_text() for label in panel.get_yticklabels()]
    assert [shown[round(text.get_position()[1])] for text in panel.texts] == ["dcgan_radford, DiffAugment", "cgan, without wrong labels"]


def test_reference_has_every_model_with_its_settings_the_original_studys_first():
    cases = [case for case in load_study("reference").cases if "training" in case.settings and not case.variant.endswith(", 0.1.0")]
    settings = {case.variant: case.settings["training"] for case in cases}
    assert list(settings)[:4] == ["dcgan", "dcgan_enhanced", "cgan", "triplegan"]
    assert sorted(settings) == models.list()
    for name, training in settings.items():
        shipped = Config.of(model_values(name) | {"data": "x"}).saved()
        assert training == {key: shipped[key] for key in training}


def test_the_references_table_has_the_numbers_of_the_measurements(gan_by_hand):
    fcd = {(0, 0): 10.0, (0, 1): 12.0, (0, 2): 20.0, (1, 0): None}
    results = gan_by_hand("reference", lambda i, seed: fcd.get((i, seed), 1234.5))
    results.records[1]["recall"] = 0.05
    cells = rows(reference.table_of_models(results))
    assert cells["real images"][:6] == ["5.0", "0.90", "0.90", "0.97", "4.0", "0.96"]
    scores = ["14.0 ± 5.3", "0.50 ± 0.00", "0.28 ± 0.20", "-", "28.0 ± 10.6", "-"]
    assert cells["dcgan (3 seeds)"] == [*scores, "0.05", "1,000", "100", "3,000"]
    assert cells["dcgan_enhanced (3 seeds; 1 of 3 failed: ValueError: no / luck)"][0] == "1,234 ± 0"


def test_the_reference_lists_models_from_the_best_to_the_worst(gan_by_hand):
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


def test_a_model_without_a_training_has_an_empty_table_in_the_reference(gan_by_hand):
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
