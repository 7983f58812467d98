"""Tables and figures of the docs come from the studies' measurements."""

import importlib.util
import json
from pathlib import Path

import pytest

from ca2_gan.errors import UserError
from ca2_gan.studies import overview

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "gan" / "page.md"
TEXT = "<!-- table: gan/overview/models -->\nold\n<!-- end -->\nprose\n<!-- figure: gan/overview/curves -->\n<!-- end -->\n"


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """The script, with measurements of its own."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "scripts" / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
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
    assert "classifier ffffffffffffffff with 95.0%" in tables.fill("<!-- table: gan/overview/conditions -->\n<!-- end -->", PAGE)


def test_what_is_not_measured_says_so(tables):
    assert "Not measured yet: `python scripts/study_gan.py overview`." in tables.fill(TEXT, PAGE)


def test_wrong_study_is_named(tables):
    with pytest.raises(UserError, match="no study named 'overvew'"):
        tables.fill(TEXT.replace("overview", "overvew"), PAGE)
