"""Tables and figures of the docs come from the studies' measurements."""

import dataclasses
import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from ca2_core.errors import UserError
from ca2_gan.studies import overview
from ca2_gan.studies.jobs import restore_records
from ca2_gan.studies.results import Results

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "gan" / "page.md"
TEXT = "<!-- table: gan/overview/models -->\nold\n<!-- end -->\nprose\n<!-- figure: gan/overview/curves -->\n<!-- end -->\n"


@pytest.fixture(autouse=True)
def _scripts_find_each_other(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """The script, with measurements of its own."""
    module = script("tables")
    monkeypatch.setattr(module, "GAN_STUDIES", tmp_path)
    return module


def test_table_and_figure_of_a_study_are_filled_in(tables, tmp_path, made_by_hand):
    results = made_by_hand(overview.STUDY)
    (tmp_path / "overview.json").write_text(json.dumps(results.content))
    filled = tables.fill(TEXT, PAGE)
    assert overview.table_of_models(results) in filled
    assert "](../images/study-gan-overview-curves.png)" in filled
    assert "\nprose\n" in filled
    assert tables.fill(filled, PAGE) == filled
    assert "classifier ffffffffffffffff with 95.0%, second classifier eeeeeeeeeeeeeeee with 95.0%" in tables.fill(
        "<!-- table: gan/overview/conditions -->\n<!-- end -->", PAGE
    )


def test_what_is_not_measured_says_so(tables):
    assert "Not measured yet: `python scripts/study_gan.py overview`." in tables.fill(TEXT, PAGE)


def test_wrong_study_is_named(tables):
    with pytest.raises(UserError, match="no study named 'overvew'"):
        tables.fill(TEXT.replace("overview", "overvew"), PAGE)


@pytest.fixture
def publishing(tables, tmp_path, monkeypatch, bench, two_variants):
    """The script, small and in a folder of the test's own: called with options, it returns the folder of the docs."""
    module = script("study_gan")
    monkeypatch.setattr(overview, "STUDY", dataclasses.replace(overview.STUDY, variants=lambda: two_variants))
    monkeypatch.setattr(module, "prepare", lambda _: {"bars": bench})
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module.subprocess, "run", lambda command, check: None)
    (tmp_path / "docs" / "gan").mkdir(parents=True)

    def call(*options):
        monkeypatch.setattr(sys, "argv", ["study_gan.py", "overview", "--images", "16", "--seeds", "1", "--jobs", "1", *options])
        module.main()
        return tmp_path / "docs"

    return call


def test_script_leaves_measurements_and_figures_where_the_docs_look_for_them(tables, publishing, monkeypatch):
    docs = publishing()
    monkeypatch.setattr(tables, "GAN_STUDIES", docs / "gan" / "studies")
    assert "| two (1 seed) |" in tables.fill(TEXT, PAGE)
    assert {path.stem for path in (docs / "images").iterdir()} == {
        f"study-gan-overview-{name}" for name in script("study_gan").load("overview").pictures
    }


def test_data_sets_join_in_the_docs_one_after_the_other(publishing, made_by_hand):
    measurements = publishing() / "gan" / "studies" / "overview.json"
    results = made_by_hand(overview.STUDY)
    results.save(measurements)  # of letters
    publishing("--seeds", "2")  # of bars
    content = json.loads(measurements.read_text())
    assert list(content["data"]) == ["letters", "bars"]
    assert [record for record in content["records"] if record["data"] == "letters"] == results.records
    assert [record["seed"] for record in content["records"] if record["data"] == "bars"] == [0, 1, 0, 1]
    letters, bars = re.split("^- ", Results(content).conditions(), flags=re.MULTILINE)[1:]
    assert letters.startswith("letters: measured on 2 cores")
    assert "\n  - `ca2-gan study`: " in letters
    assert bars.startswith("bars: measured on ")
    assert "\n  - `python scripts/study_gan.py overview" in bars
    again = results.joined(Results(content))  # letters, measured once more
    assert list(again.data) == ["letters", "bars"]
    assert len(again.records) == len(content["records"])


def test_a_study_goes_on_from_what_the_docs_have(publishing, tmp_path, monkeypatch):
    measurements = publishing() / "gan" / "studies" / "overview.json"
    before = Results(json.loads(measurements.read_text())).records
    shutil.rmtree(tmp_path / "studies")
    trained = []
    monkeypatch.setattr("ca2_gan.studies.runner.train", lambda job, bench: trained.append(job.seed) or {"error": "not now"})
    after = Results(json.loads((publishing("--seeds", "2") / "gan" / "studies" / "overview.json").read_text())).records
    assert all(record["cpu"] for record in after)
    assert trained == [1, 1]
    assert [record for record in after if record["seed"] == 0] == before


def test_conditions_count_what_was_trained_on_another_processor(made_by_hand):
    results = made_by_hand(overview.STUDY)
    assert "ran on" not in results.conditions()
    results.records[-1]["cpu"] = "Z80"
    assert results.conditions().splitlines()[0].endswith(f" 1 of {len(results.records)} trainings ran on Z80.")


def test_conditions_count_the_trainings_of_each_call(made_by_hand):
    results = made_by_hand(overview.STUDY)
    results.records[-1]["command"] = "ca2-gan study overview --only sngan"
    counted = f"\n  - `ca2-gan study`: {len(results.records) - 1} trainings\n  - `ca2-gan study overview --only sngan`: 1 training"
    assert results.conditions().endswith(counted)


def test_a_models_table_names_the_calls_of_its_own_trainings_alone(made_by_hand):
    results = made_by_hand(overview.STUDY)
    own = [record for record in results.records if record["label"] == "sngan"]
    for record in own:
        record["command"] = "ca2-gan study overview --only sngan"
    of_sngan, of_dcgan = (overview.table_of_model(results, name) for name in ("sngan", "dcgan"))
    assert of_sngan.count("ca2-gan study") == 1
    assert f"`ca2-gan study overview --only sngan`: {len(own)} trainings" in of_sngan
    assert "--only sngan" not in of_dcgan
    assert overview.table_of_model(results, "not_trained") == "-"


def test_a_restored_record_gets_processor_and_call_of_its_data(made_by_hand, tmp_path):
    content = made_by_hand(overview.STUDY).content
    content["records"] = [record | {"job": f"{i}.json"} for i, record in enumerate(content["records"][:2])]
    content["records"][1] |= {"cpu": "Z80", "command": "another call"}
    restore_records(content, tmp_path)
    restored = [json.loads((tmp_path / f"{i}.json").read_text()) for i in range(2)]
    assert [(record["cpu"], record["command"]) for record in restored] == [("a CPU", "ca2-gan study"), ("Z80", "another call")]


def test_quick_numbers_do_not_replace_those_of_the_docs(publishing, tmp_path):
    docs = publishing("--quick")
    assert [path for path in docs.rglob("*") if path.is_file()] == []
    assert (tmp_path / "studies" / "gan" / "overview" / "report.md").is_file()
