"""Tables and figures of the docs come from the measurements of the studies of GANs, and scripts leave these in the docs."""

import json
import sys
from pathlib import Path

import gan_reports
import publishing
import pytest
from gan_reports import load_report, overview

from ca2_core.errors import UserError
from ca2_core.study.results import Results
from ca2_gan.commands.study import parser

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gan" / "page.md"
TEXT = "<!-- table: gan/overview/models -->\nold\n<!-- end -->\nprose\n<!-- figure: gan/overview/curves -->\n<!-- end -->\n"


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """The script, with measurements of its own."""
    import tables

    monkeypatch.setattr(tables, "GAN_STUDIES", tmp_path)
    return tables


def test_table_and_figure_of_a_study_are_filled_in(tables, tmp_path, gan_by_hand):
    results = gan_by_hand("overview")
    results.save(tmp_path / "overview.json")
    filled = tables.fill(TEXT, PAGE)
    assert overview.table_of_models(results) in filled
    assert "](../images/study-gan-overview-curves.png)" in filled
    assert "\nprose\n" in filled
    assert tables.fill(filled, PAGE) == filled
    conditions = "<!-- table: gan/overview/conditions -->\n<!-- end -->"
    assert gan_reports.conditions(results) in tables.fill(conditions, PAGE)


def test_what_is_not_measured_says_so(tables):
    assert "Not measured yet: `python scripts/study_gan.py overview`." in tables.fill(TEXT, PAGE)


def test_wrong_study_is_named(tables):
    with pytest.raises(UserError, match="no study named 'overvew'"):
        tables.fill(TEXT.replace("overview", "overvew"), PAGE)


@pytest.fixture
def publish(tmp_path, monkeypatch, gan_by_hand):
    """Runs the script with options, as if a study had these results; returns what it went on from."""
    monkeypatch.setattr(publishing, "ROOT", tmp_path)
    monkeypatch.setattr(publishing, "fill_tables", lambda: None)
    for folder in ("docs/gan/studies", "docs/images", "studies/gan-overview"):
        (tmp_path / folder).mkdir(parents=True)
    before = []

    def run_study(study, arguments, out, command, published):
        before.append(published)
        assert study.name == "gan-overview"
        results = gan_by_hand("overview")
        results.content["command"] = command
        return results

    def call(*options):
        monkeypatch.setattr(sys, "argv", ["scripts/study_gan.py", "overview", *options])
        publishing.update_study("gan", "gan-", parser("python scripts/study_gan.py"), gan_reports, run_study)
        return before[-1]

    return call


def test_script_leaves_measurements_and_figures_where_the_docs_look_for_them(publish, tmp_path, tables, monkeypatch):
    assert publish("--seeds", "3") is None
    monkeypatch.setattr(tables, "GAN_STUDIES", tmp_path / "docs" / "gan" / "studies")
    assert "| sngan (3 seeds) |" in tables.fill(TEXT, PAGE)
    assert "`python scripts/study_gan.py overview --seeds 3`" in gan_reports.conditions(
        Results.read(tmp_path / "docs" / "gan" / "studies" / "overview.json")
    )
    assert {path.stem for path in (tmp_path / "docs" / "images").iterdir()} == {
        f"study-gan-overview-{name}" for name in load_report("overview").pictures
    }
    assert (tmp_path / "studies" / "gan-overview" / "report.md").is_file()


def test_a_study_goes_on_from_what_the_docs_have(publish, tmp_path):
    publish()
    assert publish() == json.loads((tmp_path / "docs" / "gan" / "studies" / "overview.json").read_text())


@pytest.mark.parametrize("option", ["--quick", "--report-only"])
def test_a_rehearsal_leaves_the_docs_alone(option, publish, tmp_path):
    publish(option)
    assert [path for path in (tmp_path / "docs").rglob("*") if path.is_file()] == []
    assert (tmp_path / "studies" / "gan-overview" / "report.md").is_file()


@pytest.mark.parametrize("name", gan_reports.NAMES)
def test_the_published_measurements_are_those_of_the_file(name):
    """Each training has settings that its study's file says, so that the study goes on from it."""
    record = ROOT / "docs" / "gan" / "studies" / f"{name}.json"
    if not record.is_file():
        pytest.skip("not measured yet")
    cases = {(case.variant, case.task): case.settings for case in gan_reports.load_study(name).cases}
    results = Results.read(record)
    assert results.cases.keys() == cases.keys()
    for record in results.records:
        published, said = (dict(settings) for settings in (results.settings(record), cases[record["variant"], record["task"]]))
        for settings in (published, said):
            settings["data"] = {key: value for key, value in settings["data"].items() if key != "fingerprint"}  # of a file that isn't here
        assert published == said
