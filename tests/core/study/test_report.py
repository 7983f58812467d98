"""Tables, figures and report from measurements made by hand."""

import json
import math
from base64 import b64encode
from dataclasses import replace

import pytest

from ca2_core.study.cases import Measure
from ca2_core.study.figures import learning_curves
from ca2_core.study.report import all_seeds, comparison, write_report
from ca2_core.study.results import Results, reached, reached_text

REGRET = Measure("regret", lower_is_better=True)
RETURN = Measure("return")


def cells(table) -> dict[str, list[str]]:
    return {row[0]: list(row[1:]) for row in table.rows}


def test_a_row_has_the_numbers_of_the_measurements(study, by_hand):
    scores = {(0, 0): 10.0, (0, 1): 12.0, (0, 2): 20.0}
    results = by_hand.results_of(study, lambda i, seed: scores.get((i, seed), 100.0))
    row = cells(comparison(results, "a task"))["one (3 seeds)"]
    assert row == ["14.0 [10.0, 20.0]", "14.0", "5.3", "20.0", "300 (2 of 3)", "3.0"]
    assert cells(all_seeds(results, "a task"))["one"] == ["10.0", "12.0", "20.0"]


def test_the_worst_seed_of_a_return_is_the_lowest(study, by_hand):
    results = by_hand.results_of(study)
    results.content["measures"]["a task"] = vars(RETURN)
    for record in results.records:
        record["return"] = -record["regret"]
    assert cells(comparison(results, "a task"))["one (3 seeds)"][3] == "-12.0"


def test_a_failure_is_named_and_counted(study, by_hand):
    results = by_hand.results_of(study, lambda i, seed: None if (i, seed) == (0, 1) else 10.0)
    row = cells(comparison(results, "a task"))["one (3 seeds; 1 of 3 failed: ValueError: no / luck)"]
    assert row[1] == "10.0"
    assert row[4].endswith("(2 of 3)")
    assert cells(all_seeds(results, "a task"))["one"] == ["10.0", "failed", "10.0"]


@pytest.mark.parametrize(
    "score",
    [lambda i, seed: 10.0, lambda i, seed: None if (i + seed) % 2 else 10.0, lambda i, seed: None],
    ids=["all succeeded", "some failed", "all failed"],
)
def test_a_report_has_every_task_whatever_happened(score, study, tmp_path, by_hand):
    text = write_report(by_hand.results_of(study, score), tmp_path).read_text()
    assert "# A small study" in text
    assert "## a task" in text
    assert "## another: task" in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len(block.splitlines()) > 2
            assert len({line.count("|") for line in block.splitlines()}) == 1, block
    named = {part.partition(")")[0] for part in text.split("](")[1:]}
    assert named == {png.name for png in tmp_path.glob("*.png")}


def test_a_report_of_nothing_says_so(study, tmp_path, by_hand):
    results = by_hand.results_of(study, seeds=0)
    assert "Nothing of this has been trained yet." in write_report(results, tmp_path).read_text()


def test_groups_of_variants_have_tables_of_their_own(study, tmp_path, by_hand):
    cases = [by_hand.case("one", group="first"), by_hand.case("two", group="second")]
    results = by_hand.results_of(replace(study, cases=cases))
    text = write_report(results, tmp_path).read_text()
    assert text.index("### first") < text.index("| one") < text.index("### second") < text.index("| two")
    assert list(cells(comparison(results, "a task", "second"))) == ["two (3 seeds)"]


def test_a_reference_stands_in_the_table_of_each_group(study, tmp_path, by_hand):
    cases = [by_hand.case("one", group="first"), by_hand.case("two", group="second"), replace(by_hand.case("floor"), is_reference=True)]
    results = by_hand.results_of(replace(study, cases=cases))
    assert results.groups("a task") == ["first", "second"]
    for group, variant in (("first", "one"), ("second", "two")):
        assert list(cells(comparison(results, "a task", group))) == [f"{variant} (3 seeds)", "floor (3 seeds)"]
    results.records[:] = [record for record in results.records if record["variant"] == "floor"]
    assert "Nothing of this has been trained yet." in write_report(results, tmp_path).read_text()


def test_a_measure_can_have_another_axis_other_digits_and_numbers_beside_it(study, tmp_path, by_hand):
    results = by_hand.results_of(study)
    measure = Measure("regret", lower_is_better=True, thresholds=(25.0,), axis="seconds", digits=3, others=("recall",))
    results.content["measures"]["a task"] = vars(measure)
    for record in results.records:
        record["recall"] = None if record["variant"] == "two" else 0.25 + record["seed"]
    table = comparison(results, "a task")
    assert table.header[5:7] == ["seconds to 25", "recall"]
    assert cells(table)["one (3 seeds)"][1:2] + cells(table)["one (3 seeds)"][4:6] == ["11.000", "2 (3 of 3)", "1.25"]
    assert cells(table)["two (3 seeds)"][5] == "-"
    panel = learning_curves(results.by_variant("a task"), measure).axes[0]
    assert panel.get_xlabel() == "Seconds"
    assert list(panel.lines[0].get_xdata()) == [1, 2, 3]


def test_what_was_drawn_is_shown_and_a_curve_may_have_gaps_or_be_empty(study, tmp_path, by_hand):
    results = by_hand.results_of(study)
    for record in results.records:
        del record["regret_percentiles"]
        if record["variant"] == "two":
            record["curve"] = {"steps": [], "seconds": [], "regret": []}
        else:
            record["curve"]["regret"][0] = None
            record["drawn"] = b64encode(f"picture {record['seed']}".encode()).decode()
    text = write_report(results, tmp_path).read_text()
    assert "profile-" not in text
    assert "| one | ![one](drawn-a_task-0.png) |" in text
    assert "| two | ![" not in text
    assert (tmp_path / "drawn-a_task-0.png").read_text() == "picture 0"
    (line,) = learning_curves(results.by_variant("a task"), REGRET).axes[0].lines
    assert [math.isnan(value) for value in line.get_ydata()] == [True, False, False]
    assert reached_text(results.by_variant("a task")["one"], REGRET, 15) == "300 (3 of 3)"


def test_records_of_the_docs_may_lack_their_curves(study, tmp_path, by_hand):
    results = by_hand.results_of(study)
    for record in results.records[::2]:
        del record["curve"], record["regret_percentiles"]
    assert "](curves-a_task.png)" in write_report(results, tmp_path / "some").read_text()
    for record in results.records[1::2]:
        del record["curve"], record["regret_percentiles"]
    assert "](" not in write_report(results, tmp_path / "none").read_text()
    assert [cells(comparison(results, task))["one (3 seeds)"][4] for task in results.tasks] == ["-"] * len(results.tasks)


def test_results_are_read_as_they_were_saved(study, tmp_path, by_hand):
    results = by_hand.results_of(study)
    results.save(tmp_path / "study.json")
    assert Results.read(tmp_path / "study.json").content == json.loads(json.dumps(results.content))


def test_results_of_nothing_are_read_as_they_were_saved(study, tmp_path, by_hand):
    results = by_hand.results_of(study, seeds=0)
    results.save(tmp_path / "study.json")
    assert Results.read(tmp_path / "study.json").content == json.loads(json.dumps(results.content))


def test_conditions_say_what_ran_on_another_processor(study, by_hand):
    results = by_hand.results_of(study)
    assert " On " not in results.conditions()
    for record in results.records[-3:]:
        record["cpu"] = "Z80"
    assert results.conditions().endswith(". On Z80: one.")


def test_conditions_count_what_ran_on_another_processor_where_names_would_fill_a_page(study, by_hand):
    results = by_hand.results_of(replace(study, cases=[by_hand.case(f"variant {i}") for i in range(20)]))
    for record in results.records[1:]:
        record["cpu"] = "Z80"
    assert results.conditions().endswith(". On Z80: 59 of the 60 trainings.")


def test_a_threshold_is_reached_at_the_first_point_at_or_beyond_it():
    curve = {"steps": [1, 2, 3, 4], "seconds": [0.5, 1, 1.5, 2], "regret": [100, 15.0, 16.0, 3.0], "return": [-100, -15.0, -16.0, -3.0]}
    for measure, threshold in ((REGRET, 15), (RETURN, -15)):
        assert reached({"curve": curve}, measure, threshold, "steps") == 2
        assert reached({"curve": curve}, measure, threshold, "seconds") == 1
    never = {"curve": curve | {"regret": [100, 90, 80, 15.01]}}
    assert math.isinf(reached(never, REGRET, 15, "steps"))
    assert reached_text([never, never, {"curve": curve}], REGRET, 15) == "never (1 of 3)"
