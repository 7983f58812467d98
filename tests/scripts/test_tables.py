"""Tables and figures of the docs come from the studies' measurements."""

import importlib.util
import json
from pathlib import Path

import pytest
from rl_reports import load_report, load_study

from ca2_core.errors import UserError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "rl" / "page.md"
TEXT = (
    "<!-- table: pendulum-matched/matched -->\nold\n<!-- end -->\nprose\n<!-- figure: pendulum-matched/curves-of-values -->\n<!-- end -->\n"
)


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
    results = made_by_hand(load_study("pendulum-matched"))
    (tmp_path / "pendulum-matched.json").write_text(json.dumps(results.content))
    filled = tables.fill(TEXT, PAGE)
    assert load_report("pendulum-matched").tables["matched"].make(results) in filled
    assert "](../images/study-pendulum-matched-curves-of-values.png)" in filled
    assert "](docs/images/study-pendulum-matched-curves-of-values.png)" in tables.fill(TEXT, ROOT / "README.md")
    assert "\nprose\n" in filled
    assert tables.fill(filled, PAGE) == filled


def test_another_measurement_is_another_table(tables, tmp_path, made_by_hand):
    filled = []
    for regret in (10.0, 10.1):
        results = made_by_hand(load_study("pendulum-matched"), lambda i, seed, regret=regret: regret)
        (tmp_path / "pendulum-matched.json").write_text(json.dumps(results.content))
        filled.append(tables.fill(TEXT, PAGE))
    assert filled[0] != filled[1]


def test_what_is_not_measured_says_so(tables):
    assert "Not measured yet: `python scripts/study_rl.py pendulum-matched`." in tables.fill(TEXT, PAGE)


def test_wrong_study_is_named(tables):
    with pytest.raises(UserError, match="no study named 'pendulum-machted'"):
        tables.fill(TEXT.replace("matched", "machted"), PAGE)
