"""Tables and figures from measurements made by hand."""

import numpy as np
import pytest
from scipy import stats

from ca2_gan.studies import changes, overview
from ca2_gan.studies.command import STUDIES, load
from ca2_gan.studies.jobs import Budget
from ca2_gan.studies.results import Results

TIME, LESS, IMAGES = {"minutes": 0.5, "images": None}, {"minutes": 0.25, "images": None}, {"minutes": None, "images": 1000}


def rows(table: str) -> dict[str, list[str]]:
    """Cells by the first cell of their row."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize(
    "fcd",
    [lambda i, seed: None if i == 0 or (i + seed) % 3 == 0 else 10.0 + i, lambda i, seed: None, lambda i, seed: 10.0],
    ids=["some failed", "all failed", "all alike"],
)
def test_every_study_reports_whatever_happened(name, fcd, made_by_hand, tmp_path):
    study = load(name)
    text = study.report(made_by_hand(study, fcd, budgets=(TIME, IMAGES)), tmp_path).read_text()
    assert all((table.title in text) == table.in_report for table in study.tables.values())
    assert {png.stem for png in tmp_path.glob("*.png")} == {name for name, picture in study.pictures.items() if picture.in_report}
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_reports_on_a_part_of_it_and_on_nothing(name, made_by_hand, tmp_path):
    study = load(name)
    results = made_by_hand(study)
    for count in (1, 0):
        results.records[:] = results.records[:count]
        study.report(results, tmp_path)


def test_overview_has_the_numbers_of_the_measurements(made_by_hand):
    fcd = {(0, 0): 10.0, (0, 1): 12.0, (0, 2): 20.0, (1, 0): None}
    cells = rows(overview.table_of_models(made_by_hand(overview.STUDY, lambda i, seed: fcd.get((i, seed), 1234.5))))
    assert cells["real (floor)"][:5] == ["5.0", "0.01", "0.90", "0.90", "0.97"]
    assert cells["dcgan (3 seeds)"] == ["14.0 ± 5.3", "0.25 ± 0.00", "0.50 ± 0.00", "0.40 ± 0.00", "-", "100", "1,000", "10", "3,000"]
    assert cells["dcgan_enhanced (3 seeds; 1 of 3 failed: ValueError: no / luck)"][0] == "1,234 ± 0"


def test_models_are_listed_from_the_best_to_the_worst(made_by_hand):
    results = made_by_hand(overview.STUDY, lambda i, seed: None if i == 0 else 50.0 - i + seed, budgets=(IMAGES, TIME))
    table = overview.table_of_best(results)
    assert table.startswith("| model | letters, 30 CPU seconds, 3 seeds: FCD | accuracy |\n")
    cells = rows(table)
    labels = [variant.label for variant in overview.variants()]
    assert list(cells)[2:-1] == ["real (floor)", *reversed(labels[1:])]
    assert list(cells)[-1] == f"{labels[0]} (3 of 3 failed: ValueError: no / luck)"
    assert cells["real (floor)"] == ["5.0", "0.97"]
    assert cells[labels[1]] == ["50.0 ± 1.0", "-"]


def test_the_list_goes_by_all_data_and_says_how_many_seeds_each_has(made_by_hand):
    results = made_by_hand(overview.STUDY, lambda i, seed: 10.0 + i)
    first, second, *_ = (variant.label for variant in overview.variants())
    digits = [record | {"data": "digits"} for record in results.records if record["label"] == second and record["seed"] < 2]
    digits.append(next(record | {"data": "digits"} for record in results.records if record["label"] == first))
    for record in digits:
        record["scores"] = record["scores"] | {"fcd": 90.0 if record["label"] == first else 3.0}
    data = results.data | {"digits": results.data["letters"]}
    table = overview.table_of_best(Results({"data": data, "records": results.records + digits}))
    assert "| digits, 30 CPU seconds, 1 to 2 seeds: FCD | accuracy |" in table
    cells = rows(table)
    assert list(cells)[3:5] == [second, first]  # 11 and 3 before 10 and 90
    assert cells[first] == ["10.0 ± 0.0", "-", "90.0", "-"]
    assert all(cells[variant.label][2:] == ["-", "-"] for variant in overview.variants()[2:])


def test_a_models_own_table_has_its_rows_of_the_overview(made_by_hand):
    results = made_by_hand(overview.STUDY, budgets=(IMAGES, TIME))
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


def test_a_model_that_was_not_trained_has_an_empty_table(made_by_hand):
    results = made_by_hand(overview.STUDY)
    results.records[:] = [record for record in results.records if record["label"] != "sngan"]
    assert overview.table_of_model(results, "sngan") == "-"


def test_second_classifier_has_a_table_of_its_own(made_by_hand):
    cells = rows(overview.table_by_second(made_by_hand(overview.STUDY, lambda i, seed: 10.0 + i)))
    assert cells["real (floor)"] == ["4.0", "0.80", "0.70", "0.96"]
    assert cells["dcgan_enhanced (3 seeds)"] == ["22.0 ± 0.0", "0.60 ± 0.00", "0.30 ± 0.00", "-"]


def test_collapses_are_counted_and_the_worst_seed_is_shown(made_by_hand):
    results = made_by_hand(overview.STUDY, lambda i, seed: None if i == 1 else 10.0)
    recalls = iter([0.5, 0.05, 0.0999])
    for record in results.records:
        if record["label"] == "dcgan":
            record["scores"] |= {"recall": next(recalls), "kl_class": 0.25 + record["seed"]}
            record["second"] |= {"recall": 0.3 - 0.1 * record["seed"]}
    cells = rows(overview.table_of_collapses(results))
    assert cells["dcgan (3 seeds)"] == ["2 of 3", "0.05", "0.10", "2.25"]
    assert next(cell for name, cell in cells.items() if name.startswith("dcgan_enhanced")) == ["0 of 0", "-", "-", "-"]


def test_each_budget_has_a_table_the_largest_time_first(made_by_hand):
    results = made_by_hand(overview.STUDY, budgets=(IMAGES, LESS, TIME))
    captions = [line for line in overview.table_of_models(results).splitlines() if line.startswith("**")]
    assert [caption.partition(", ")[2] for caption in captions] == [
        "30 CPU seconds a training**",
        "15 CPU seconds a training**",
        "1,000 images a training**",
    ]


def test_a_longer_training_of_one_model_alone_is_not_the_main_budget(made_by_hand):
    results = made_by_hand(overview.STUDY, budgets=(LESS, TIME))
    results.records[:] = [record for record in results.records if record["label"] == "dcgan" or record["budget"] == LESS]
    assert results.main()["letters"][0] == Budget(**LESS)


def test_effect_is_the_ratio_of_geometric_means(made_by_hand):
    """Against the textbook's formula of Welch's interval."""
    before, after = np.array([10.0, 12.0, 15.0]), np.array([5.0, 6.0, 9.0])
    changed = "dcgan_radford, spectral norm"
    index = [variant.label for variant in changes.variants()].index(changed)
    results = made_by_hand(changes.STUDY, lambda i, seed: float((after if i == index else before)[seed]))
    found = changes.effects(results.records)[changed][1]
    logs = [np.log(side) for side in (after, before)]
    variances = [side.var(ddof=1) / 3 for side in logs]
    dof = sum(variances) ** 2 / sum(v**2 / 2 for v in variances)
    margin = stats.t.ppf(0.975, dof) * np.sqrt(sum(variances))
    middle = logs[0].mean() - logs[1].mean()
    assert (found.ratio, found.low, found.high) == pytest.approx(tuple(np.exp([middle, middle - margin, middle + margin])))


def test_changes_say_what_their_interval_says(made_by_hand):
    labels = [variant.label for variant in changes.variants()]
    factor = {"dcgan_radford, DiffAugment": 0.5, "cgan, without wrong labels": 2.0, "a dcgan_enhanced for each class": None}

    def fcd(i, seed):
        times = factor.get(labels[i], 1.0)
        return None if times is None else times * (100 + seed)

    cells = rows(changes.table_of_changes(made_by_hand(changes.STUDY, fcd)))
    assert cells["**dcgan_radford, as shipped (3 seeds)**"][1:3] == ["1", "the baseline"]
    assert cells["dcgan_radford, DiffAugment (3 seeds)"][2] == "better"
    assert cells["cgan, without wrong labels (3 seeds)"][2] == "worse"
    assert cells["dcgan_radford, spectral norm (3 seeds)"][2] == "no difference shown"
    assert cells["dcgan_radford, DiffAugment (3 seeds)"][3].startswith("0.50 [")  # of the second classifier, whose FCD is twice the first's
    assert next(cells[label] for label in cells if "for each class" in label)[:3] == ["-", "-", "too few seeds"]


def test_a_ratio_beyond_the_axis_is_written_at_its_end(made_by_hand):
    labels = [variant.label for variant in changes.variants()]
    factor = {"dcgan_radford, DiffAugment": 80.0, "cgan, without wrong labels": 0.002}
    panel = changes.forest(made_by_hand(changes.STUDY, lambda i, seed: factor.get(labels[i], 1.0) * (100 + seed))).axes[0]
    assert {text.get_text().strip(): text.get_position()[0] for text in panel.texts} == {"80 →": 10.0, "← 0.002": 0.1}
    shown = [label.get_text() for label in panel.get_yticklabels()]
    assert [shown[round(text.get_position()[1])] for text in panel.texts] == ["dcgan_radford, DiffAugment", "cgan, without wrong labels"]
