"""Tables and figures of the docs come from the studies' measurements."""

import importlib.util
import json
from pathlib import Path

import pytest
from rl_reports import load_study, overview

from ca2_core.errors import UserError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "rl" / "page.md"
TEXT = "<!-- table: overview/agents -->\nold\n<!-- end -->\nprose\n<!-- figure: overview/curves -->\n<!-- end -->\n"


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """The script, with measurements of its own."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    spec = importlib.util.spec_from_file_location("tables", ROOT / "scripts" / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "STUDIES", tmp_path)
    return module


def test_table_and_figure_of_a_study_are_filled_in(tables, tmp_path, made_by_hand):
    results = made_by_hand(load_study("overview"))
    (tmp_path / "overview.json").write_text(json.dumps(results.content))
    filled = tables.fill(TEXT, PAGE)
    assert overview.agents(results) in filled
    assert "](../images/study-overview-curves.png)" in filled
    assert "](docs/images/study-overview-curves.png)" in tables.fill(TEXT, ROOT / "README.md")
    assert "\nprose\n" in filled
    assert tables.fill(filled, PAGE) == filled


def test_another_measurement_is_another_table(tables, tmp_path, made_by_hand):
    filled = []
    for regret in (10.0, 10.1):
        results = made_by_hand(load_study("overview"), lambda i, seed, regret=regret: regret)
        (tmp_path / "overview.json").write_text(json.dumps(results.content))
        filled.append(tables.fill(TEXT, PAGE))
    assert filled[0] != filled[1]


def test_a_study_measured_once_more_has_tables_of_its_own(tables, tmp_path, made_by_hand):
    for name, regret in (("overview", 10.0), ("overview@amd", 12.0)):
        (tmp_path / f"{name}.json").write_text(
            json.dumps(made_by_hand(load_study("overview"), lambda i, seed, regret=regret: regret).content)
        )
    again = tables.fill("<!-- table: overview@amd/agents -->\n<!-- end -->\n", PAGE)
    assert overview.agents(made_by_hand(load_study("overview"), lambda i, seed: 12.0)) in again


def test_what_is_not_measured_says_so(tables):
    assert "Not measured yet: `python scripts/study_rl.py overview`." in tables.fill(TEXT, PAGE)


def test_wrong_study_is_named(tables):
    with pytest.raises(UserError, match="no study named 'overvew'"):
        tables.fill(TEXT.replace("overview", "overvew"), PAGE)
