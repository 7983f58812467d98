"""Tables of the docs on which classes are easy and which are hard, from measurements made by hand."""

import sys
from pathlib import Path

import pytest
from scipy import stats

from ca2_gan.studies import overview

sys.path.append(str(Path(__file__).parents[3] / "scripts"))
import gan_ranking as ranking

TIME, LESS, IMAGES = {"minutes": 0.5, "images": None}, {"minutes": 0.25, "images": None}, {"minutes": None, "images": 1000}


def rows(table: str) -> dict[str, list[str]]:
    """Cells by the first cell of their row."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


@pytest.mark.parametrize(
    "fcd", [lambda i, seed: None, lambda i, seed: 10.0, lambda i, seed: 10.0 + i], ids=["failed", "alike", "different"]
)
def test_the_overview_of_the_docs_reports_whatever_happened(fcd, made_by_hand, tmp_path):
    study = ranking.load("overview")
    text = study.report(made_by_hand(study, fcd, budgets=(TIME, IMAGES)), tmp_path).read_text()
    assert all(table.title in text for table in ranking.TABLES.values())
    assert (tmp_path / "classes.png").exists()


def test_only_the_longest_time_is_ranked(made_by_hand):
    table = ranking.table_of_classes(made_by_hand(overview.STUDY, budgets=(IMAGES, LESS, TIME)))
    assert "**letters, 30 CPU seconds a training" in table
    assert "1,000 images a training" not in table


def test_classes_stand_from_easy_to_hard_and_scale_does_not_matter(made_by_hand):
    """One model that is bad at everything has the reverse order; it is outvoted."""
    results = made_by_hand(overview.STUDY)
    for record in results.records:
        if record["label"] == "dcgan":
            for i, row in enumerate(record["classes"].values()):
                row["fcd"] = 1e6 / (1 + i)
    found = ranking.rankings(results)["letters"]
    assert "".join(found.names) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    k = len(found.models)
    assert found.means[0] == pytest.approx((26 + (k - 1)) / k)
    agreement = rows(ranking.agreement(results))
    assert agreement["dcgan"] == ["-1.00", "-1.00", "-1.00", "+1.00"]
    assert agreement["cgan"][2:] == ["+1.00", "+1.00"]


def test_a_class_that_is_not_made_is_the_hardest(made_by_hand):
    results = made_by_hand(overview.STUDY)
    for record in results.records:
        if record["seed"] == 0:
            record["classes"]["A"]["fcd"] = None
    assert ranking.rankings(results)["letters"].names[-1] == "A"
    cells = rows(ranking.table_of_classes(results))["A"]
    n = len(overview.variants())
    assert cells[0] == "26.0"
    assert cells[2] == "-"
    assert cells[-1] == f"{n} of {n}"


def test_models_that_have_not_learned_to_draw_rank_no_class(made_by_hand):
    results = made_by_hand(overview.STUDY)
    for record in results.records:
        record["scores"]["precision"] = 0.5 if record["label"] == "cgan" else 0.05
    assert ranking.rankings(results)["letters"].models == ("cgan",)
    for record in results.records:
        record["scores"]["precision"] = 0.0
    assert ranking.rankings(results) == {}


@pytest.mark.parametrize(
    ("order", "verdict"),
    [
        ("ILOTABCDEFGHJNPQSUVXYZMWKR", "The claim holds: mean rank 2.5 of the easy ones, 24.5 of the hard ones"),
        ("MWKRABCDEFGHJNPQSUVXYZILOT", "The claim is the wrong way round"),
        ("IMLWOKTRABCDEFGHJNPQSUVXYZ", "The claim cannot be told from chance"),
    ],
)
def test_claim_is_tested(order, verdict, made_by_hand):
    results = made_by_hand(overview.STUDY)
    for record in results.records:
        for name, row in record["classes"].items():
            row["fcd"] = 1.0 + order.index(name)
    assert verdict in ranking.claim(results)


@pytest.mark.parametrize(
    ("classes", "verdict"),
    [
        ("ABCDEFGHIJKLM", "rank 10.5 of the easy ones, 12.0 of the hard ones (Mann-Whitney, one-sided, p = 0.333; 7 is the middle). The"),
        ("ABCDEFGHIJKLM", "The clearest order of 4 letters would have p = 0.167."),
        ("ABC", "These letters are not among the classes."),
        ("ILOT", "These letters are not among the classes."),
    ],
)
def test_claim_is_tested_on_the_letters_that_are_there(classes, verdict, made_by_hand):
    results = made_by_hand(overview.STUDY)
    facts = results.data["letters"]
    facts["classes"] = {name: facts["classes"][name] for name in classes}
    for record in results.records:
        record["classes"] = {name: record["classes"][name] | {"fcd": float(ord(name))} for name in classes}
    assert verdict in ranking.claim(results)


def test_correlates_go_with_the_rank(made_by_hand):
    cells = rows(ranking.correlates(made_by_hand(overview.STUDY)))
    assert cells["share of ink"] == ["+1.00", "0.000"]
    assert cells["variance within"] == ["-", "-"]  # all alike
    both = [name in "ABDEFGHNQRT" for name in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    assert cells["two forms"][0] == f"{stats.spearmanr(both, range(26)).statistic:+.2f}"
    assert cells["FCD, floor"] == ["+1.00", "0.000"]
    strokes = [3, 3, 1, 2, 4, 3, 2, 3, 1, 1, 3, 2, 4, 3, 1, 2, 2, 3, 1, 2, 1, 2, 4, 2, 2, 3]  # A to Z, as one draws them
    assert cells["strokes"][0] == f"{stats.spearmanr(strokes, range(26)).statistic:+.2f}"


def test_a_trait_counts_where_it_is_known(made_by_hand):
    """Words are not drawn in strokes, and have no capital; four classes are the fewest."""
    results = made_by_hand(overview.STUDY)
    facts = results.data["letters"]
    parts = [facts["classes"], facts["floor"]["classes"], *(record["classes"] for record in results.records)]
    for part in parts:
        for name in "EFGHIJKLMNOPQRSTUVWXYZ":
            part[f"X{name}"] = part.pop(name)
    cells = rows(ranking.correlates(results))
    assert cells["strokes"][0] == f"{stats.spearmanr([3, 3, 1, 2], range(4)).statistic:+.2f}"
    assert cells["two forms"][0] == f"{stats.spearmanr([1, 1, 0, 1], range(4)).statistic:+.2f}"
    assert cells["share of ink"] == ["+1.00", "0.000"]
    for part in parts:
        part["XA"] = part.pop("A")
    assert rows(ranking.correlates(results))["strokes"] == ["-", "-"]
